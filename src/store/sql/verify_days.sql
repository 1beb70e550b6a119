-- Finds the last one of the next $6 days that have a row or a seal, behind the day ($4, $5). $1 to
-- $3 select sources and dates. Returns nothing if fewer days are left.
SELECT source, process_date
FROM (
    (SELECT source, process_date
     FROM audit_events_log
     WHERE ($1::text[] IS NULL OR source = ANY ($1))
       AND ($2::date IS NULL OR process_date >= $2)
       AND ($3::date IS NULL OR process_date <= $3)
       AND ($4::text IS NULL OR (source, process_date) > ($4, $5::date))
     ORDER BY source, process_date
     LIMIT $6)
    UNION
    (SELECT DISTINCT source, process_date
     FROM audit_seals
     WHERE source IS NOT NULL
       AND process_date IS NOT NULL
       AND ($1::text[] IS NULL OR source = ANY ($1))
       AND ($2::date IS NULL OR process_date >= $2)
       AND ($3::date IS NULL OR process_date <= $3)
       AND ($4::text IS NULL OR (source, process_date) > ($4, $5::date))
     ORDER BY source, process_date
     LIMIT $6)
) AS days
ORDER BY source, process_date
OFFSET $6 - 1
LIMIT 1
