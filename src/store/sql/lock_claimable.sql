-- Locks a day's row for a claim, if it may be claimed. The row of a live holder is not locked: its beats must not wait
-- for us. A row that is locked just now is somebody's, so nothing is waited for either; it looks as if there were none, and
-- reading it without a lock tells which. (With NOWAIT, a lock on the whole table would give the same error as one on the row.)
SELECT status, attempt, locked_by
FROM audit_events_log
WHERE source = $1
  AND process_date = $2
  AND (status IN ('PENDING', 'FAILED', 'ERROR')
       OR (status = 'PROCESSING'
           AND (locked_until IS NULL OR locked_by IS NULL OR locked_until <= clock_timestamp()))
       OR (status = 'SUCCESS' AND (attempt = $3 OR synced_at IS NULL)))
FOR UPDATE SKIP LOCKED
