-- Counts the stored events of the sources $1 from $2 to $3 by the way they came, and the conflicts.
SELECT array_position($1::text[], source) AS place, via::text AS via, count(*) AS events
FROM audit_events
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
GROUP BY source, via
UNION ALL
SELECT array_position($1::text[], source), 'conflict', count(*)
FROM audit_event_conflicts
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
GROUP BY source
