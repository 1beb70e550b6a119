-- Finds, in words, what is missing from the schema: tables, columns, the unique constraints that
-- inserts rely on, and the function that seals.
SELECT DISTINCT 'the table ' || name AS missing
FROM unnest($1::text[]) AS expected (name)
WHERE to_regclass(name) IS NULL
UNION ALL
SELECT 'the column ' || table_name || '.' || column_name
FROM unnest($1::text[], $2::text[]) AS expected (table_name, column_name)
WHERE to_regclass(table_name) IS NOT NULL
  AND NOT EXISTS (SELECT
                  FROM pg_attribute
                  WHERE attrelid = to_regclass(table_name)
                    AND attname = column_name
                    AND attnum > 0
                    AND NOT attisdropped)
UNION ALL
SELECT 'the unique constraint on ' || table_name || ' (' || columns || ')'
FROM unnest($3::text[], $4::text[]) AS expected (table_name, columns)
WHERE to_regclass(table_name) IS NOT NULL
  AND NOT EXISTS (SELECT
                  FROM pg_index AS i
                  WHERE i.indrelid = to_regclass(table_name)
                    AND i.indisunique
                    AND i.indisvalid
                    AND i.indimmediate
                    AND i.indpred IS NULL
                    AND (SELECT array_agg(a.attname::text ORDER BY a.attname)
                         FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS key (number, place)
                         JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = key.number
                         WHERE key.place <= i.indnkeyatts)
                        = (SELECT array_agg(name ORDER BY name::name)
                           FROM unnest(string_to_array(columns, ', ')) AS k (name)))
UNION ALL
SELECT 'the function auditsync_seal(text, text[])'
WHERE to_regprocedure('auditsync_seal(text, text[])') IS NULL
