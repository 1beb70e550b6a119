-- Whether these bytes are stored as a conflict of their id.
SELECT
FROM audit_event_conflicts
WHERE source = $1
  AND process_date = $2
  AND event_id = $3
  AND event_hash = $4
