-- Which of these ids are stored of a source under one of these dates.
SELECT DISTINCT event_id
FROM audit_events
WHERE source = $1
  AND process_date = ANY ($2)
  AND event_id = ANY ($3)
