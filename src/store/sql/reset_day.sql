-- Makes a day due again. A day that is syncing is reset only with force ($3); then the fence of its
-- holder matches no more.
UPDATE audit_events_log
SET status = 'PENDING',
    error_message = NULL,
    locked_by = NULL,
    locked_until = NULL,
    settled_at = NULL,
    updated_at = clock_timestamp()
WHERE source = $1
  AND process_date = $2
  -- A day that is due already does not change, unless it is settled and only has to be counted
  -- again after a repair that broke off.
  AND (status <> 'PENDING' OR settled_at IS NOT NULL)
  AND ($3 OR status <> 'PROCESSING' OR locked_until IS NULL OR locked_until <= clock_timestamp())
RETURNING pg_current_xact_id()::text AS xact
