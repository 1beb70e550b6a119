-- The ids of a day's events in their order, so many of them, behind the one that is named.
SELECT event_id
FROM audit_events
WHERE source = $1
  AND process_date = $2
  AND event_id > $3
ORDER BY event_id
LIMIT $4
