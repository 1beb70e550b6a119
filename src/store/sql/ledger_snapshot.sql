-- Reads everything that planning needs in one query: the time, the migrations that ran here, and
-- the days of each source. The first row also has the last seal, from which the log's head comes.
--
-- Complete and settled days of the window come as an array of dates ($6), except the last one. All
-- other days of the window come as rows. Before the window, these days come as rows, however old:
-- every PENDING day, settled days whose repair broke off, and, if days are rechecked ($5), complete
-- days that are not settled.
-- Dates before Heroku's audit trail, and values such as infinity, are mistakes.
--
-- A source may have stored days under several names ($1). $7 names the source of each, and $8 the
-- names of that source that come first, separated by commas. A day that one of these has, too, does
-- not count.
WITH of_window AS MATERIALIZED (
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message,
           updated_at, synced_at, settled_at, scope, locked_until,
           $6 AND status = 'SUCCESS' AND synced_at IS NOT NULL AND settled_at IS NOT NULL
               AND process_date < $4 AS only_date
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND process_date BETWEEN $3 AND $4
), per_source AS (
    SELECT source, count(*) AS days,
           array_agg(process_date) FILTER (WHERE only_date) AS settled_days
    FROM of_window
    GROUP BY source
), listed AS (
    SELECT *
    FROM of_window
    WHERE NOT only_date
    UNION ALL
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message,
           updated_at, synced_at, settled_at, scope, locked_until, false
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND status IN ('PENDING', 'PROCESSING', 'FAILED', 'ERROR')
      -- A day that is not settled and not PENDING is listed below, or not at all.
      AND (status = 'PENDING' OR settled_at IS NOT NULL)
      AND process_date >= '2017-01-01'
      AND process_date < $3
    UNION ALL
    -- Apart from the branch above, because this one uses the index of unsettled days.
    SELECT source, process_date, status, attempt, events_count, locked_by, error_message,
           updated_at, synced_at, settled_at, scope, locked_until, false
    FROM audit_events_log
    WHERE $5
      AND source = ANY ($1)
      AND settled_at IS NULL
      AND synced_at IS NOT NULL
      AND status <> 'PENDING'
      AND process_date >= '2017-01-01'
      AND process_date < $3
)
SELECT here.now, here.versions, here.checksums, here.may_hide_rows,
       CASE WHEN row_number() OVER () = 1 THEN here.last_seal END AS last_seal,
       wanted.present AS source, wanted.source AS stored_as, wanted.first_day,
       CASE WHEN wanted.preceding IS NOT NULL
            THEN EXISTS (SELECT
                         FROM audit_events_log AS l
                         WHERE l.source = ANY (string_to_array(wanted.preceding, ','))
                           AND l.process_date = listed.process_date)
            ELSE false
       END AS is_superseded,
       CASE WHEN row_number() OVER (PARTITION BY wanted.source) = 1 THEN wanted.settled_days END
           AS settled_days,
       listed.process_date, listed.status, listed.attempt,
       -- Without a complete reading of ours, the count is another program's.
       CASE WHEN listed.synced_at IS NOT NULL THEN listed.events_count END AS events_count,
       listed.locked_by, listed.error_message,
       greatest('0001-01-01Z', least('9999-12-31Z', listed.updated_at)) AS updated_at,
       CASE WHEN listed.synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN listed.synced_at END
           AS synced_at,
       listed.settled_at IS NOT NULL AS settled,
       listed.status = 'SUCCESS' AND listed.synced_at IS NULL AS adopted,
       coalesce(listed.scope <> wanted.scope, false) AS other_scope,
       coalesce(listed.locked_until > here.now, false) AS live,
       coalesce(listed.locked_until > here.now + interval '30 days', false) AS endless
FROM (
    SELECT clock_timestamp() AS now, array_agg(version ORDER BY version) AS versions,
           array_agg(checksum ORDER BY version) AS checksums,
           -- The result may be incomplete: look closer.
           row_security_active('auditsync_migrations') OR row_security_active('audit_events_log')
               OR row_security_active('audit_events') OR row_security_active('audit_seals')
               OR row_security_active('audit_anchors') AS may_hide_rows,
           (SELECT sealed FROM audit_seals ORDER BY seq DESC LIMIT 1) AS last_seal
    FROM auditsync_migrations
) AS here
LEFT JOIN (
    SELECT w.source, w.scope, w.present, w.preceding, per_source.settled_days,
           -- If the window has every day, its first day is enough. Else the index on
           -- (source, process_date) finds the first day of all.
           CASE WHEN per_source.days > $4 - $3 THEN $3
                ELSE (SELECT min(l.process_date)
                      FROM audit_events_log AS l
                      WHERE l.source = w.source
                        AND l.process_date BETWEEN '2017-01-01' AND '9999-12-31')
           END AS first_day
    FROM unnest($1::text[], $2::jsonb[], $7::text[], $8::text[])
             AS w (source, scope, present, preceding)
    LEFT JOIN per_source USING (source)
    -- Without this the first day would be looked up once for each row.
    OFFSET 0
) AS wanted ON true
LEFT JOIN listed USING (source)
