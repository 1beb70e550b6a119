-- Finds the dates without a row between two days of a source, for the sources $1. Reads the index
-- on source and date in its order.
SELECT source, process_date + 1 AS first_day, next_day - 1 AS last_day
FROM (
    SELECT source, process_date,
           lead(process_date) OVER (PARTITION BY source ORDER BY process_date) AS next_day
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
) AS days
WHERE next_day > process_date + 1
