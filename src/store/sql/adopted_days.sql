-- Counts the adopted days that are stored as $1, with the first and the last one. A day that one of
-- the names $2 of the same source has, too, does not count.
SELECT count(*) AS days,
       min(process_date) AS first_day,
       max(process_date) AS last_day
FROM audit_events_log
WHERE source = $1
  AND status = 'SUCCESS'
  AND settled_at IS NULL
  AND synced_at IS NULL
  AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
  AND NOT EXISTS (SELECT
                  FROM audit_events_log AS first
                  WHERE first.source = ANY ($2)
                    AND first.process_date = audit_events_log.process_date)
