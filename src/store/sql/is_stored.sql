-- What is stored under the given ids of a day, and the way it came.
SELECT event_id, event_hash, via
FROM audit_events
WHERE source = $1
  AND process_date = $2
  AND event_id = ANY ($3)
