-- Reads the calendar of an export from $1 to $2. It has each day of the sources $4 that is stored
-- under one of their names $3, in the ledger or in the chain, with its row in the ledger. And it
-- has each day that a source $5 must cover, from $6 to $7, if none of its names stores the day.
WITH named AS (
    SELECT source, present
    FROM unnest($3::text[], $4::text[]) AS named (source, present)
), stored AS (
    SELECT source, process_date
    FROM audit_events_log
    WHERE source = ANY ($3)
      AND process_date BETWEEN $1::date AND $2::date
    -- A sealed day whose row was deleted must not be missed.
    UNION
    SELECT source, process_date
    FROM audit_seals
    WHERE source = ANY ($3)
      AND process_date BETWEEN $1::date AND $2::date
), missing AS (
    SELECT owed.source, day.process_date
    FROM unnest($5::text[], $6::date[], $7::date[]) AS owed (source, first_day, last_day)
    CROSS JOIN LATERAL (
        SELECT owed.first_day + n AS process_date
        FROM generate_series(0, owed.last_day - owed.first_day) AS n
    ) AS day
    LEFT JOIN (
        SELECT DISTINCT named.present, stored.process_date
        FROM stored
        JOIN named USING (source)
    ) AS there
      ON there.present = owed.source AND there.process_date = day.process_date
    WHERE there.present IS NULL
)
SELECT day.source, day.process_date, l.status::text AS status, l.attempt, l.events_count, l.digest,
       l.scope::text AS scope, l.synced_at, l.settled_at, l.pruned_at IS NOT NULL AS is_pruned
FROM (
    SELECT source, process_date FROM stored
    UNION ALL
    SELECT source, process_date FROM missing
) AS day
LEFT JOIN audit_events_log AS l
  ON l.source = day.source AND l.process_date = day.process_date
ORDER BY day.source COLLATE "C", day.process_date
