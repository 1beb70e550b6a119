-- Gives each row of the Python logger its source, and records that in the history. The logger
-- stored no events, so no row has a complete reading: digest, scope and synced_at stay NULL, and
-- nothing proves its SUCCESS.
WITH before AS (
    SELECT id, status, events_count, error_message
    FROM audit_events_log
    WHERE source IS NULL
), adopted AS (
    UPDATE audit_events_log AS l
    SET source = $1,
        -- Due at any age, because the logger never reads such a day again. Its ERROR days are due
        -- as ours are.
        status = CASE
                     WHEN l.status IN ('PROCESSING', 'FAILED')
                         OR (l.status = 'SUCCESS' AND $2) THEN 'PENDING'
                     ELSE l.status
                 END,
        -- Without a reading there is no count. The logger wrote 0.
        events_count = CASE WHEN l.status = 'SUCCESS' THEN l.events_count END,
        created_at = coalesce(l.created_at, l.updated_at, clock_timestamp()),
        updated_at = coalesce(l.updated_at, l.created_at, clock_timestamp())
    FROM before
    WHERE l.id = before.id
    RETURNING l.process_date, l.status, before.status AS was, before.events_count,
              before.error_message
), recorded AS (
    -- The logger's messages contain entire requests, and the history can't be cleaned later, so
    -- tokens are redacted.
    INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, events,
                               message, "by")
    SELECT $3, $1, process_date, 0, 'adopt', lower(status), events_count,
           concat('was ', was, ' in the Python logger''s table, which holds no events',
                  ': ' || regexp_replace(error_message, 'hrku-[a-z0-9_-]+', '[token]', 'gi')),
           $4
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
    -- Dates before Heroku's audit trail, or such as infinity, are mistakes.
    SELECT adopted.*, process_date BETWEEN '2017-01-01' AND '9999-12-31' AS counts
    FROM adopted
) AS adopted
