-- A dashboard for colleagues: one query per panel. Use the role `auditsync_read` of roles.sql. It
-- can read the tables, and change nothing. Every panel can be a table. The line "Draw" names a
-- better form. A query with a column `time` suits the time series of Grafana. In Metabase, choose
-- the column as the axis.
--
-- All days are UTC. Change `30` to show more days.

-- Is every source complete, and through which day? One row per source.
-- Draw: a table; colour the rows with days_open above 0.
WITH known AS (
    SELECT source, min(process_date) AS first_day
    FROM audit_events_log
    WHERE process_date >= '2017-01-01' AND process_date < 'infinity'
    GROUP BY source
), calendar AS (
    SELECT known.source, day::date AS day
    FROM known
    CROSS JOIN LATERAL generate_series(
        known.first_day,
        (clock_timestamp() AT TIME ZONE 'UTC')::date - 1,
        interval '1 day'
    ) AS day
)
SELECT calendar.source,
       min(calendar.day) AS first_day,
       max(calendar.day) FILTER (WHERE ledger.synced_at IS NOT NULL
                                   AND ledger.status = 'SUCCESS') AS last_complete_day,
       min(calendar.day) FILTER (WHERE ledger.synced_at IS NULL
                                    OR ledger.status <> 'SUCCESS') AS oldest_gap,
       count(*) FILTER (WHERE ledger.synced_at IS NULL
                           OR ledger.status <> 'SUCCESS') AS days_open
FROM calendar
LEFT JOIN audit_events_log AS ledger
  ON ledger.source = calendar.source AND ledger.process_date = calendar.day
GROUP BY calendar.source
ORDER BY days_open DESC, calendar.source;

-- How many events did each day have? One series per source.
-- Draw: stacked bars over time.
SELECT process_date::timestamp AT TIME ZONE 'UTC' AS time, source, events_count AS events
FROM audit_events_log
WHERE process_date > (clock_timestamp() AT TIME ZONE 'UTC')::date - 30
  AND synced_at IS NOT NULL
ORDER BY time, source;

-- Which days failed, and why? The newest first.
-- Draw: a table.
SELECT process_date AS day, source, status, error_message AS reason, updated_at
FROM audit_events_log
WHERE status IN ('FAILED', 'ERROR')
ORDER BY process_date DESC, source
LIMIT 50;

-- Who acted most in the last 30 days?
-- Draw: horizontal bars.
SELECT coalesce(actor_email, '(nobody)') AS actor, count(*) AS events
FROM audit_events
WHERE process_date > (clock_timestamp() AT TIME ZONE 'UTC')::date - 30
GROUP BY actor
ORDER BY events DESC, actor
LIMIT 20;

-- What was removed in the last 30 days? Apps, add-ons, domains, collaborators, members, teams.
-- Draw: a table.
SELECT created_at, source, actor_email AS actor, type, action, app_name AS app,
       team_name AS team, ip_address
FROM audit_events
WHERE process_date > (clock_timestamp() AT TIME ZONE 'UTC')::date - 30
  AND action IN ('destroy', 'remove')
ORDER BY created_at DESC
LIMIT 100;

-- When was the last run that did something, and what came of it? One row per run.
-- Draw: a table.
SELECT max(at) AS ended_at, run_id,
       count(*) FILTER (WHERE action = 'publish') AS days_published,
       count(*) FILTER (WHERE action = 'fail') AS days_failed,
       sum(new_events) AS new_events,
       sum(late_events) AS late_events,
       sum(requests) AS requests
FROM audit_history
WHERE at > clock_timestamp() - interval '30 days'
GROUP BY run_id
ORDER BY ended_at DESC
LIMIT 30;

-- How much disk space do the events take, with their indexes?
-- Draw: one number, in bytes.
SELECT pg_total_relation_size('audit_events') AS bytes;

-- Where does the chain of seals end? Compare it with the head in a log line of the last run.
-- Draw: one row.
SELECT seq, encode(seal, 'hex') AS seal, sealed_at
FROM audit_seals
ORDER BY seq DESC
LIMIT 1;
