-- Makes the adopted days that are stored as $1 due, however old, and records each in the history.
-- A row that another process is just claiming is PROCESSING once its lock is free, so it does not
-- match any more. A day that one of the names $4 of the same source has, too, does not count.
WITH due AS (
    UPDATE audit_events_log
    SET status = 'PENDING',
        error_message = NULL,
        updated_at = clock_timestamp()
    WHERE source = $1
      AND status = 'SUCCESS'
      AND synced_at IS NULL
      AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
      AND NOT EXISTS (SELECT
                      FROM audit_events_log AS first
                      WHERE first.source = ANY ($4)
                        AND first.process_date = audit_events_log.process_date)
    RETURNING process_date, attempt
), recorded AS (
    INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, message,
                               "by")
    SELECT $2, $1, process_date, attempt, 'reset', 'pending',
           'was SUCCESS in the Python logger''s table, which holds no events', $3
    FROM due
    ORDER BY process_date
)
SELECT count(*) AS days,
       min(process_date) AS first_day,
       max(process_date) AS last_day,
       min(attempt) FILTER (WHERE process_date = first) AS first_attempt,
       -- The days that a seal must record.
       array_agg(process_date ORDER BY process_date) FILTER (WHERE has_seal) AS sealed_dates,
       array_agg(attempt ORDER BY process_date) FILTER (WHERE has_seal) AS sealed_attempts,
       pg_current_xact_id()::text AS xact
FROM (
    SELECT due.*, min(process_date) OVER () AS first,
           EXISTS (SELECT
                   FROM audit_seals AS s
                   WHERE s.source = $1
                     AND s.process_date = due.process_date) AS has_seal
    FROM due
) AS due
