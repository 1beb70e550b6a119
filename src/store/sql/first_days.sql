-- Each source's first day in the ledger, from the index on (source, process_date), where it has one.
-- Rows before Heroku's audit trail, and dates such as infinity, are slips.
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
