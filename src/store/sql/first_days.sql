-- Finds each source's first day in the ledger, if it has one, with the index on (source,
-- process_date). Dates before Heroku's audit trail, or such as infinity, are mistakes.
SELECT s.source, first.process_date AS first_day
FROM unnest($1::text[]) AS s (source)
CROSS JOIN LATERAL (
    SELECT process_date
    FROM audit_events_log AS l
    WHERE l.source = s.source
      AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
    ORDER BY process_date
    LIMIT 1
) AS first
