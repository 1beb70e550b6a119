-- Finds the stored events of a source with the given ids. An id is one event across all days of the
-- source, so three places are searched. Under the fence no other process stores events of this day,
-- so an event that is not found is new. Other days are not locked: two days that store the same
-- event at the same moment are a documented limit. $7 are all names of the source: under a former
-- name it may have stored other dates. The same date under another name is a day of its own.
SELECT source, process_date, event_id, event_hash, via
FROM audit_events
-- Under this day. $4 is false if none of its events is stored yet.
WHERE $4
  AND source = $1
  AND process_date = $2
  AND event_id = ANY ($3)
UNION ALL
-- Under another day, if that is not the event's own day or the event has no date. The last
-- condition repeats that of idx_audit_events_outside_their_day word for word, so PostgreSQL uses
-- this index, which is nearly empty.
SELECT source, process_date, event_id, event_hash, via
FROM audit_events
WHERE source = ANY ($7)
  AND event_id = ANY ($3)
  AND process_date <> $2
  AND (created_at IS NULL OR (created_at AT TIME ZONE 'UTC')::date <> process_date)
UNION ALL
-- Under its own day, for an event that arrived with another day.
SELECT e.source, e.process_date, e.event_id, e.event_hash, e.via
FROM unnest($5::text[], $6::date[]) AS own (event_id, process_date)
JOIN audit_events AS e
  ON e.source = ANY ($7)
 AND e.process_date = own.process_date
 AND e.event_id = own.event_id
