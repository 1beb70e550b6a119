-- Gives a day back, which makes it due: FAILED or ERROR with the reason, or PENDING after an
-- interruption.
UPDATE audit_events_log
SET status = $5,
    error_message = $6,
    locked_by = NULL,
    locked_until = NULL,
    updated_at = clock_timestamp()
WHERE source = $1
  AND process_date = $2
  AND attempt = $3
  AND locked_by = $4
  AND status = 'PROCESSING'
  AND locked_until > clock_timestamp()
