-- Reads every calendar day from $2 to $3 of each source $1, with its row in the ledger if it has
-- one.
SELECT s.source, day.process_date, l.status::text AS status, l.attempt, l.events_count, l.digest,
       l.scope::text AS scope, l.synced_at, l.settled_at, l.pruned_at IS NOT NULL AS is_pruned
FROM unnest($1::text[]) WITH ORDINALITY AS s (source, place)
CROSS JOIN LATERAL (
    SELECT $2::date + n AS process_date
    FROM generate_series(0, $3::date - $2::date) AS n
) AS day
LEFT JOIN audit_events_log AS l
  ON l.source = s.source AND l.process_date = day.process_date
ORDER BY s.place, day.process_date
