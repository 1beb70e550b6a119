-- Finds the scopes with which the days of the sources $1 from $2 to $3 were read.
SELECT array_position($1::text[], source) AS place, scope::text AS scope,
       count(*) AS days,
       min(process_date) AS first_day,
       max(process_date) AS last_day
FROM audit_events_log
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
GROUP BY source, scope
ORDER BY min(process_date), scope::text COLLATE "C"
