-- Finds the sources among $3 whose newest day has the same scope as a source of the file ($1, with
-- the scopes $2).
SELECT DISTINCT wanted.source, other.source AS earlier
FROM unnest($3::text[]) AS other (source)
CROSS JOIN LATERAL (
    SELECT scope
    FROM audit_events_log AS l
    WHERE l.source = other.source
      AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
    ORDER BY process_date DESC
    LIMIT 1
) AS newest
JOIN unnest($1::text[], $2::jsonb[]) AS wanted (source, scope) ON wanted.scope = newest.scope
ORDER BY wanted.source, other.source
