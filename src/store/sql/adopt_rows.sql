-- Gives the rows of the Python logger their source, and tells the history of each. It stored no event, so none of them
-- has a whole reading: digest, scope and synced_at stay NULL, and its SUCCESS is its word alone.
WITH before AS (
    SELECT id, status, events_count, error_message
    FROM audit_events_log
    WHERE source IS NULL
), adopted AS (
    UPDATE audit_events_log AS l
    SET source = $1,
        -- Due whatever their age: it never reads such a day again, and its ERROR days are due as ours are.
        status = CASE
                     WHEN l.status IN ('PROCESSING', 'FAILED') OR (l.status = 'SUCCESS' AND $2) THEN 'PENDING'
                     ELSE l.status
                 END,
        -- Without a reading there is no count; it wrote 0.
        events_count = CASE WHEN l.status = 'SUCCESS' THEN l.events_count END,
        created_at = coalesce(l.created_at, l.updated_at, clock_timestamp()),
        updated_at = coalesce(l.updated_at, l.created_at, clock_timestamp())
    FROM before
    WHERE l.id = before.id
    RETURNING l.process_date, l.status, before.status AS was, before.events_count, before.error_message
), told AS (
    INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, events, message, "by")
    SELECT $3, $1, process_date, 0, 'adopt', lower(status), events_count,
           concat('was ', was, ' in the Python logger''s table, which holds no events',
                  -- It logged whole requests. The history can't be cleaned later.
                  ': ' || regexp_replace(error_message, 'hrku-[a-z0-9_-]+', '[token]', 'gi')), $4
    FROM adopted
    ORDER BY process_date
)
SELECT count(*) AS days,
       count(*) FILTER (WHERE counts AND status = 'PENDING') AS due,
       count(*) FILTER (WHERE counts AND status = 'ERROR') AS error,
       count(*) FILTER (WHERE counts AND status = 'SUCCESS') AS unproven,
       min(process_date) FILTER (WHERE counts AND status = 'SUCCESS') AS unproven_from,
       max(process_date) FILTER (WHERE counts AND status = 'SUCCESS') AS unproven_to,
       count(*) FILTER (WHERE NOT counts) AS ignored
FROM (
    -- Rows before Heroku's audit trail, and dates such as infinity, are slips.
    SELECT adopted.*, process_date BETWEEN '2017-01-01' AND '9999-12-31' AS counts
    FROM adopted
) AS adopted
