-- Groups days into ranges of consecutive days with the same state: all days of the sources $3, and
-- the unsettled or pruned days of the others. $4 selects among the others, if not all. $1 and $2
-- are the names of the file's sources and their scopes. $5 are the names of the same source that
-- come first, separated by commas. A day that one of these has, too, does not count.
SELECT l.source, state, was_complete, other_scope, is_superseded,
       count(*) AS days,
       coalesce(sum(events_count) FILTER (WHERE was_complete), 0) AS events,
       min(process_date) AS first_day,
       max(process_date) AS last_day,
       max(synced_at) AS last_success,
       max(syncing_until) AS syncing_until
FROM (
    SELECT s.*,
           -- Consecutive days of one kind have the same distance from their row number.
           process_date - row_number() OVER (PARTITION BY source, state, was_complete, other_scope,
                                                          is_superseded
                                             ORDER BY process_date)::integer AS island
    FROM (
        SELECT d.source, d.process_date, d.events_count,
               CASE WHEN d.synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN d.synced_at END
                   AS synced_at,
               CASE d.status
                   WHEN 'SUCCESS' THEN
                       CASE WHEN d.pruned_at IS NOT NULL THEN 'pruned'
                            WHEN d.synced_at IS NULL THEN 'adopted'
                            WHEN d.settled_at IS NULL THEN 'complete'
                            ELSE 'settled'
                       END
                   WHEN 'PENDING' THEN 'due'
                   WHEN 'PROCESSING' THEN
                       CASE WHEN d.locked_by IS NOT NULL AND d.locked_until > clock_timestamp()
                            THEN 'syncing'
                            ELSE 'due'
                       END
                   ELSE 'failed'
               END AS state,
               CASE WHEN d.status = 'PROCESSING' AND d.locked_by IS NOT NULL
                         AND d.locked_until > clock_timestamp()
                    THEN least('9999-12-31Z', d.locked_until)
               END AS syncing_until,
               d.synced_at IS NOT NULL AS was_complete,
               coalesce(d.scope <> wanted.scope, false) AS other_scope,
               CASE WHEN wanted.preceding IS NOT NULL
                    THEN EXISTS (SELECT
                                 FROM audit_events_log AS first
                                 WHERE first.source
                                       = ANY (string_to_array(wanted.preceding, ','))
                                   AND first.process_date = d.process_date)
                    ELSE false
               END AS is_superseded
        FROM (
            SELECT *
            FROM audit_events_log
            WHERE source = ANY ($3)
            UNION ALL
            SELECT *
            FROM audit_events_log
            WHERE settled_at IS NULL
              AND source <> ALL ($3)
              AND ($4::text[] IS NULL OR source = ANY ($4))
            UNION ALL
            -- Settled days whose repair broke off, or is in progress.
            SELECT *
            FROM audit_events_log
            WHERE settled_at IS NOT NULL
              AND pruned_at IS NULL
              AND status IN ('PENDING', 'PROCESSING', 'FAILED', 'ERROR')
              AND source <> ALL ($3)
              AND ($4::text[] IS NULL OR source = ANY ($4))
            UNION ALL
            -- Settled days whose events were removed.
            SELECT *
            FROM audit_events_log
            WHERE settled_at IS NOT NULL
              AND pruned_at IS NOT NULL
              AND source <> ALL ($3)
              AND ($4::text[] IS NULL OR source = ANY ($4))
        ) AS d
        LEFT JOIN unnest($1::text[], $2::jsonb[], $5::text[])
                      AS wanted (source, scope, preceding)
          ON wanted.source = d.source
        WHERE d.process_date BETWEEN '2017-01-01' AND '9999-12-31'
    ) AS s
) AS l
GROUP BY l.source, state, was_complete, other_scope, is_superseded, island
