-- Whether the role has the privileges that it needs, for each table that exists.
SELECT needed.table_name, needed.privilege,
       has_table_privilege(to_regclass(needed.table_name), needed.privilege) AS granted
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS needed (table_name, privilege, place)
WHERE to_regclass(needed.table_name) IS NOT NULL
ORDER BY needed.place
