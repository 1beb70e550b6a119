-- Whether the role has the privileges that it needs, for each table that exists and for the
-- function that seals.
SELECT needed.table_name, needed.privilege,
       has_table_privilege(to_regclass(needed.table_name), needed.privilege) AS granted,
       needed.place
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS needed (table_name, privilege, place)
WHERE to_regclass(needed.table_name) IS NOT NULL
UNION ALL
SELECT 'FUNCTION ' || name, 'EXECUTE', has_function_privilege(to_regprocedure(name), 'EXECUTE'),
       NULL
FROM (VALUES ('auditsync_seal(text, text[])')) AS of_function (name)
WHERE to_regprocedure(name) IS NOT NULL
ORDER BY place NULLS LAST
