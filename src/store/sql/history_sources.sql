-- Finds which of these sources have an entry in the history, with one index lookup for each.
SELECT name AS source
FROM unnest($1::text[]) AS named (name)
WHERE EXISTS (SELECT FROM audit_history WHERE source = named.name)
