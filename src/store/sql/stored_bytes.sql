-- Reads the bytes of the events that are stored under the given days and ids.
SELECT source, process_date, event_id, coalesce(event_raw, convert_to(event::text, 'UTF8')) AS bytes
FROM audit_events
WHERE source = ANY ($1)
  AND process_date = ANY ($2)
  AND event_id = ANY ($3)
