-- Reads the events that a seal adds: those of the source $1 and the day $2 that the attempts behind
-- $3, up to $4, stored.
SELECT source, process_date, event_id, attempt, event, event_raw, event_hash, created_at, via,
       first_seen_at, ip_address, type, action, actor_email, actor_id, app_name, app_id, team_name,
       team_id, owner_email
FROM audit_events
WHERE source = $1
  AND process_date = $2
  AND attempt > $3
  AND attempt <= $4
ORDER BY event_id
