-- What a day's row says, locked until the end of the transaction.
SELECT status, attempt, locked_by, events_count,
       coalesce(locked_until > clock_timestamp(), false) AS live
FROM audit_events_log
WHERE source = $1
  AND process_date = $2
FOR UPDATE
