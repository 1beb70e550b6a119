-- The server's version and own port, and what the role of this connection may do to the schema in which tables are made.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS version_number,
       current_setting('port')::integer AS port,
       current_user::text AS role,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create
