-- The rows of the Python logger with a finite date, oldest first, as it left them.
SELECT process_date, status::text AS status, events_count::bigint AS events
FROM audit_events_log
WHERE source IS NULL
  AND isfinite(process_date)
ORDER BY process_date, id
