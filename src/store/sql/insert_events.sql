-- Stores events that are not stored yet.
INSERT INTO audit_events (source, process_date, event_id, created_at, type, action, actor_email,
                          actor_id, app_name, app_id, team_name, team_id, owner_email, ip_address,
                          event, event_raw, event_raw_reason, event_hash, via, attempt)
SELECT $1, $2, e.event_id, e.created_at, e.type, e.action, e.actor_email, e.actor_id, e.app_name,
       e.app_id, e.team_name, e.team_id, e.owner_email, e.ip_address, e.event::json, e.event_raw,
       e.event_raw_reason, e.event_hash, $3, $20
FROM unnest($4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::inet[],
            $16::text[], $17::bytea[], $18::text[], $19::bytea[])
     AS e (event_id, created_at, type, action, actor_email, actor_id, app_name,
           app_id, team_name, team_id, owner_email, ip_address, event, event_raw,
           event_raw_reason, event_hash)
