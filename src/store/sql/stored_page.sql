-- Reads the next $4 events of a day behind the id $3, in the order of their ids. Selects the events
-- that match a scope: filter ($5 to $7) and team ($8, $9). Events of another scope are omitted.
SELECT event_id, event_hash, (created_at AT TIME ZONE 'UTC')::date AS own_day, via
FROM audit_events
WHERE source = $1
  AND process_date = $2
  AND event_id > $3
  AND ($5::text IS NULL OR type = $5)
  AND ($6::text IS NULL OR action = $6)
  AND ($7::text IS NULL OR lower(actor_email) = lower($7) OR actor_id = $7)
  AND ($8::text IS NULL OR coalesce(team_id = $8, team_name = $9, false))
ORDER BY event_id
LIMIT $4
