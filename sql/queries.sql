-- Queries for common questions about an audit trail. Change the values in quotes. Times are shown
-- in the session's time zone; `SET timezone = 'UTC'` makes it UTC.

-- Who deleted that app, when, and from where?
SELECT created_at, actor_email, app_name, team_name, ip_address
FROM audit_events
WHERE type = 'app'
  AND action = 'destroy'
  AND app_name = 'worker-eu'
ORDER BY created_at;

-- What happened on Saturday, the 28th? All events that Heroku listed under that day, in order.
SELECT source, created_at, actor_email, type, action, app_name, ip_address
FROM audit_events
WHERE process_date = '2024-09-28'
ORDER BY created_at, source, event_id;

-- What did this person do in the last 90 days that are stored?
SELECT source, created_at, type, action, app_name, team_name, ip_address
FROM audit_events
WHERE actor_email = 'user@example.com'
  AND process_date > (SELECT max(process_date) FROM audit_events) - 90
ORDER BY created_at, event_id;

-- Who does what, and how often? The most frequent first.
SELECT actor_email, type, action, count(*) AS events,
       min(created_at) AS first,
       max(created_at) AS last
FROM audit_events
GROUP BY actor_email, type, action
ORDER BY events DESC, actor_email, type, action;

-- From which addresses did a person act for the first time? Newest first.
SELECT actor_email, ip_address, min(created_at) AS first_seen, count(*) AS events
FROM audit_events
WHERE ip_address IS NOT NULL
GROUP BY actor_email, ip_address
ORDER BY first_seen DESC, actor_email, ip_address;

-- What is missing? Every day of the last 30 that is not complete, from each source's first day on.
-- No rows mean that nothing is missing. A SUCCESS without a reading of ours (synced_at) comes from
-- the Python logger, which stored no events.
SELECT known.source, day::date AS day,
       CASE WHEN ledger.status = 'SUCCESS' THEN 'ADOPTED'
            ELSE coalesce(ledger.status, 'MISSING')
       END AS status,
       ledger.error_message
FROM (SELECT source, min(process_date) AS first_day
      FROM audit_events_log
      WHERE process_date >= '2017-01-01'
      GROUP BY source) AS known
CROSS JOIN LATERAL generate_series(
    greatest(known.first_day, (clock_timestamp() AT TIME ZONE 'UTC')::date - 30),
    (clock_timestamp() AT TIME ZONE 'UTC')::date - 1,
    interval '1 day'
) AS day
LEFT JOIN audit_events_log AS ledger
  ON ledger.source = known.source AND ledger.process_date = day::date
WHERE ledger.status IS DISTINCT FROM 'SUCCESS'
   OR ledger.synced_at IS NULL
ORDER BY day, known.source;

-- How much is there per source and month, and how many of the month's days are complete?
SELECT source, to_char(process_date, 'YYYY-MM') AS month,
       count(*) FILTER (WHERE status = 'SUCCESS' AND synced_at IS NOT NULL) AS complete_days,
       count(*) AS days, sum(events_count) FILTER (WHERE synced_at IS NOT NULL) AS events
FROM audit_events_log
GROUP BY source, month
ORDER BY source, month;

-- Which events came late, after their day was complete for the first time?
SELECT event.source, event.process_date, event.event_id, event.type, event.action,
       event.first_seen_at
FROM audit_events AS event
JOIN (SELECT source, process_date, min(at) AS first_complete
      FROM audit_history
      WHERE action = 'publish'
      GROUP BY source, process_date) AS published USING (source, process_date)
WHERE event.first_seen_at > published.first_complete
ORDER BY event.first_seen_at DESC;

-- Manual interventions: which days were reset or cleaned up, by whom and why? Newest first.
SELECT at, source, process_date, action, "by", message
FROM audit_history
WHERE action IN ('reset', 'cleanup')
ORDER BY id DESC;

-- What does the event itself contain, beyond the columns? Any of its fields, by name.
SELECT event_id, event #>> '{data,name}' AS name_in_data, event
FROM audit_events
WHERE event_id = '4b7147a4-da60-4000-8000-000000000000';
