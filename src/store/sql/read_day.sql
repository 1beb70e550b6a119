-- Reads a day's row without a lock.
SELECT status, attempt, locked_by, events_count,
       coalesce(locked_until > clock_timestamp(), false) AS live
FROM audit_events_log
WHERE source = $1
  AND process_date = $2
