-- Describes the server and the role of this connection: version, port, default of new transactions,
-- encoding, and search path. PostgreSQL silently ignores a schema of the path that the role may not
-- use.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS version_number,
       current_setting('port')::integer AS port,
       current_user::text AS role,
       current_database()::text AS database,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       current_setting('default_transaction_read_only')::boolean AS read_only,
       (SELECT source FROM pg_settings WHERE name = 'default_transaction_read_only')
           AS read_only_source,
       pg_is_in_recovery() AS standby,
       current_setting('server_encoding') AS encoding,
       current_schema()::text AS schema,
       current_setting('search_path') AS search_path,
       (SELECT array_agg(nspname::text ORDER BY nspname)
        FROM pg_namespace
        WHERE nspname IN (SELECT replace(btrim(name, ' "'), '$user', current_user)
                          FROM unnest(string_to_array(current_setting('search_path'), ','))
                               AS of_path (name))
          AND NOT has_schema_privilege(oid, 'USAGE')) AS not_allowed,
       -- Where our tables are, if the path does not lead to them.
       (SELECT array_agg(n.nspname::text ORDER BY n.nspname)
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relname = 'auditsync_migrations'
          AND c.relkind IN ('r', 'p')
          AND to_regclass('auditsync_migrations') IS NULL) AS elsewhere,
       -- Our names that are taken in the schema where tables would be created.
       (SELECT array_agg(relname::text ORDER BY relname)
        FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))
          AND relname = ANY ($1)) AS taken,
       -- Row-level security hides nothing if one policy lets this role read and write every row,
       -- and no policy restricts it.
       (SELECT array_agg(c.relname::text ORDER BY c.relname)
        FROM unnest($1::text[]) AS ours (name)
        JOIN pg_class AS c ON c.oid = to_regclass(ours.name)
        WHERE row_security_active(c.oid)
          AND (current_setting('row_security')::boolean IS FALSE
               OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND NOT polpermissive)
               OR NOT EXISTS (SELECT
                              FROM pg_policy
                              WHERE polrelid = c.oid
                                AND polcmd = '*'
                                AND pg_get_expr(polqual, polrelid) = 'true'
                                AND coalesce(pg_get_expr(polwithcheck, polrelid), 'true') = 'true'
                                AND (0 = ANY (polroles)
                                     OR EXISTS (SELECT
                                                FROM unnest(polroles) AS r
                                                WHERE pg_has_role(r, 'USAGE')))))
       ) AS row_security
