-- Locks a day's row for a claim, if it may be claimed. The row of a live holder is not locked,
-- because its renewals must not wait for us. A locked row is skipped as if it did not exist,
-- without a wait; `read_day.sql` then tells the two cases apart. (With NOWAIT, a table lock would
-- cause the same error as a row lock.)
SELECT status, attempt, locked_by
FROM audit_events_log
WHERE source = $1
  AND process_date = $2
  AND (status IN ('PENDING', 'FAILED', 'ERROR')
       OR (status = 'PROCESSING'
           AND (locked_until IS NULL OR locked_by IS NULL OR locked_until <= clock_timestamp()))
       OR (status = 'SUCCESS' AND (attempt = $3 OR synced_at IS NULL)))
FOR UPDATE SKIP LOCKED
