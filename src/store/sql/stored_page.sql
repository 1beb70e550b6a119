-- The ids of a day's events that a scope takes, in their order, so many of them, behind the one that is named, each with its
-- own date and the way it came. Events that another scope brought are left out.
SELECT event_id, (created_at AT TIME ZONE 'UTC')::date AS own_day, via
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
