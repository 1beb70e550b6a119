-- Renews a lease that is still ours. An expired lease is not revived, even if nobody has taken the
-- day over yet: its holder has stopped already.
UPDATE audit_events_log
SET locked_until = clock_timestamp() + make_interval(secs => $5)
WHERE source = $1
  AND process_date = $2
  AND attempt = $3
  AND locked_by = $4
  AND status = 'PROCESSING'
  AND locked_until > clock_timestamp()
