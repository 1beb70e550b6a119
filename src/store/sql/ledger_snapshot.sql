-- All that planning needs, in one question: the time, the migrations that ran here, and of each source its days.
--
-- Days of the window that are whole and settled only count, but for the last, where $6 says so. All others come as rows
-- and, of any age before the window, every PENDING day and, where days are read again ($5), every one that was read whole
-- and has not settled; and those that have settled and of which a repair broke off.
-- Rows before Heroku's audit trail, and times and dates such as infinity, are slips.
WITH of_window AS MATERIALIZED (
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message, updated_at, synced_at,
           settled_at, scope, locked_until,
           $6 AND status = 'SUCCESS' AND synced_at IS NOT NULL AND settled_at IS NOT NULL AND process_date < $4 AS counts
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND process_date BETWEEN $3 AND $4
), standing AS (
    SELECT source, count(*) AS days, array_agg(process_date) FILTER (WHERE counts) AS settled_days
    FROM of_window
    GROUP BY source
), told AS (
    SELECT *
    FROM of_window
    WHERE NOT counts
    UNION ALL
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message, updated_at, synced_at,
           settled_at, scope, locked_until, false
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND status = 'PENDING'
      AND process_date >= '2017-01-01'
      AND process_date < $3
    UNION ALL
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message, updated_at, synced_at,
           settled_at, scope, locked_until, false
    FROM audit_events_log
    WHERE $5
      AND source = ANY ($1)
      AND settled_at IS NULL
      AND synced_at IS NOT NULL
      AND status <> 'PENDING'
      AND process_date >= '2017-01-01'
      AND process_date < $3
    UNION ALL
    -- Settled days of which a repair broke off.
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message, updated_at, synced_at,
           settled_at, scope, locked_until, false
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND status IN ('PROCESSING', 'FAILED', 'ERROR')
      AND settled_at IS NOT NULL
      AND process_date >= '2017-01-01'
      AND process_date < $3
)
SELECT here.now, here.versions, here.checksums, here.suspect, wanted.source, wanted.first_day,
       CASE WHEN row_number() OVER (PARTITION BY wanted.source) = 1 THEN wanted.settled_days END AS settled_days,
       told.process_date, told.status, told.attempt,
       -- Without a complete reading of ours, the count is another program's.
       CASE WHEN told.synced_at IS NOT NULL THEN told.events_count END AS events_count, told.locked_by, told.error_message,
       greatest('0001-01-01Z', least('9999-12-31Z', told.updated_at)) AS updated_at,
       CASE WHEN told.synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN told.synced_at END AS synced_at,
       told.settled_at IS NOT NULL AS settled,
       told.status = 'SUCCESS' AND told.synced_at IS NULL AS adopted,
       coalesce(told.scope <> wanted.scope, false) AS other_scope,
       coalesce(told.locked_until > here.now, false) AS live,
       coalesce(told.locked_until > here.now + interval '30 days', false) AS endless
FROM (
    SELECT clock_timestamp() AS now, array_agg(version ORDER BY version) AS versions,
           array_agg(checksum ORDER BY version) AS checksums,
           -- Reason enough to look closer: what is read here may not be all that there is.
           row_security_active('auditsync_migrations') OR row_security_active('audit_events_log')
               OR row_security_active('audit_events') AS suspect
    FROM auditsync_migrations
) AS here
LEFT JOIN (
    SELECT w.source, w.scope, standing.settled_days,
           -- The index on (source, process_date) has it; where the window has a gap, or none of its days.
           CASE WHEN standing.days > $4 - $3 THEN $3
                ELSE (SELECT min(l.process_date) FROM audit_events_log AS l
                      WHERE l.source = w.source AND l.process_date BETWEEN '2017-01-01' AND '9999-12-31')
           END AS first_day
    FROM unnest($1::text[], $2::jsonb[]) AS w (source, scope)
    LEFT JOIN standing USING (source)
    -- Without this the first day would be looked for once for each row.
    OFFSET 0
) AS wanted ON true
LEFT JOIN told USING (source)
