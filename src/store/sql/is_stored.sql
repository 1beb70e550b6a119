-- Finds the events of a day that are stored under the given ids.
SELECT event_id, event_hash, via
FROM audit_events
WHERE source = $1
  AND process_date = $2
  AND event_id = ANY ($3)
