-- Counts the adopted days of a source, with the first and the last one.
SELECT count(*) AS days,
       min(process_date) AS first_day,
       max(process_date) AS last_day
FROM audit_events_log
WHERE source = $1
  AND status = 'SUCCESS'
  AND settled_at IS NULL
  AND synced_at IS NULL
  AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
