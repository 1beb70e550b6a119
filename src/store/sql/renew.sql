-- Prolongs a lease that is still ours. One that ran out is not revived, though nobody has taken it over yet: its holder
-- was to stop before.
UPDATE audit_events_log
SET locked_until = clock_timestamp() + make_interval(secs => $5)
WHERE source = $1
  AND process_date = $2
  AND attempt = $3
  AND locked_by = $4
  AND status = 'PROCESSING'
  AND locked_until > clock_timestamp()
