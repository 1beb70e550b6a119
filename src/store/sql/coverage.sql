-- How each source's days stand, as groups of days in the same state: how many, from when to when. A group without holes
-- is a range. $3 names the only sources that are wanted, if not all of the ledger; $1 and $2 are those of the file.
SELECT l.source, state, was_whole, other_scope,
       count(*) AS days,
       min(process_date) AS first_day,
       max(process_date) AS last_day,
       coalesce(sum(events_count), 0)::bigint AS events,
       max(synced_at) AS last_success
FROM (
    SELECT d.source, d.process_date, d.events_count,
           CASE WHEN d.synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN d.synced_at END AS synced_at,
           CASE d.status
               WHEN 'SUCCESS' THEN CASE WHEN d.settled_at IS NULL THEN 'whole' ELSE 'settled' END
               WHEN 'PENDING' THEN 'due'
               WHEN 'PROCESSING' THEN
                   CASE WHEN d.locked_by IS NOT NULL AND d.locked_until > clock_timestamp() THEN 'at_work' ELSE 'due' END
               ELSE 'failed'
           END AS state,
           d.synced_at IS NOT NULL AS was_whole,
           coalesce(d.scope <> wanted.scope, false) AS other_scope
    FROM audit_events_log AS d
    LEFT JOIN unnest($1::text[], $2::jsonb[]) AS wanted (source, scope) ON wanted.source = d.source
    WHERE ($3::text[] IS NULL OR d.source = ANY ($3))
      AND d.process_date BETWEEN '0001-01-01' AND '9999-12-31'
) AS l
GROUP BY l.source, state, was_whole, other_scope
