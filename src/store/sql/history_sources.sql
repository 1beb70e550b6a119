-- Which of these sources the history knows, each found by one look into the index.
SELECT name AS source
FROM unnest($1::text[]) AS named (name)
WHERE EXISTS (SELECT FROM audit_history WHERE source = named.name)
