-- Groups days into ranges of consecutive days with the same state: all days of the sources $3, and
-- the unsettled or pruned days of the others. $4 selects among the others, if not all. $1 and $2
-- are the sources of the file and their scopes.
SELECT l.source, state, was_complete, other_scope,
       count(*) AS days,
       min(process_date) AS first_day,
       max(process_date) AS last_day,
       max(synced_at) AS last_success,
       max(syncing_until) AS syncing_until
FROM (
    SELECT s.*,
           -- Consecutive days of one kind have the same distance from their row number.
           process_date - row_number() OVER (PARTITION BY source, state, was_complete, other_scope
                                             ORDER BY process_date)::integer AS island
    FROM (
        SELECT d.source, d.process_date,
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
               coalesce(d.scope <> wanted.scope, false) AS other_scope
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
        LEFT JOIN unnest($1::text[], $2::jsonb[]) AS wanted (source, scope)
          ON wanted.source = d.source
        WHERE d.process_date BETWEEN '2017-01-01' AND '9999-12-31'
    ) AS s
) AS l
GROUP BY l.source, state, was_complete, other_scope, island
