-- Gives many days back as PENDING after a signal, and records each in the history. It is one
-- statement, because a slow connection leaves no time for one after the other. A locked row is
-- skipped, and may be tried again.
WITH held AS (
    SELECT l.id, h.new_events, h.requests, h.retries, h.duration_ms
    FROM audit_events_log AS l
    JOIN unnest($3::text[], $4::date[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
                $9::bigint[])
         AS h (source, process_date, attempt, new_events, requests, retries, duration_ms)
      ON l.source = h.source AND l.process_date = h.process_date AND l.attempt = h.attempt
    WHERE l.locked_by = $2
      AND l.status = 'PROCESSING'
      AND l.locked_until > clock_timestamp()
    FOR UPDATE OF l SKIP LOCKED
), released AS (
    UPDATE audit_events_log AS l
    SET status = 'PENDING',
        error_message = NULL,
        locked_by = NULL,
        locked_until = NULL,
        updated_at = clock_timestamp()
    FROM held
    WHERE l.id = held.id
      -- Read the clock again, because locking the rows may have taken time.
      AND l.locked_until > clock_timestamp()
    RETURNING l.source, l.process_date, l.attempt, held.new_events, held.requests, held.retries,
              held.duration_ms
), recorded AS (
    INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, new_events,
                               requests, retries, duration_ms, "by")
    SELECT $1, source, process_date, attempt, 'release', 'interrupted', new_events, requests,
           retries, duration_ms, $2
    FROM released
)
SELECT source, process_date, attempt, pg_current_xact_id()::text AS xact
FROM released
