-- Reads the events of the source $1 from the day $2 to the day $3, in the order of the key.
SELECT source, process_date, event_id, attempt, event, event_raw, event_hash, created_at, via,
       first_seen_at, ip_address, type, action, actor_email, actor_id, app_name, app_id, team_name,
       team_id, owner_email
FROM audit_events
WHERE source = $1
  AND process_date BETWEEN $2 AND $3
ORDER BY process_date, event_id
