-- Marks the days whose lease ran out by this server's clock. A locked row is skipped, because a
-- session is just changing it.
WITH stale AS (
    SELECT id, locked_by, locked_until
    FROM audit_events_log
    WHERE status = 'PROCESSING'
      AND isfinite(process_date)
      AND (locked_until IS NULL OR locked_by IS NULL OR locked_until <= clock_timestamp())
    FOR UPDATE SKIP LOCKED
)
UPDATE audit_events_log AS l
SET status = 'ERROR',
    error_message = format('the lease of %s went stale%s', coalesce(stale.locked_by, 'nobody'),
                           ' at ' || to_char(stale.locked_until AT TIME ZONE 'UTC',
                                             'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    locked_by = NULL,
    locked_until = NULL,
    updated_at = clock_timestamp()
FROM stale
WHERE l.id = stale.id
RETURNING l.source, l.process_date, l.attempt, l.error_message, pg_current_xact_id()::text AS xact
