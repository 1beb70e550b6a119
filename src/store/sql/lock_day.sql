-- Reads a day's row and locks it until the end of the transaction.
SELECT status, attempt, locked_by
FROM audit_events_log
WHERE source = $1
  AND process_date = $2
FOR UPDATE
