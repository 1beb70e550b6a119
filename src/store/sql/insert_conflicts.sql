-- Stores conflicts, which are events whose id is stored with other bytes, each once.
INSERT INTO audit_event_conflicts (source, process_date, event_id, event_hash, attempt, event,
                                   event_raw, event_raw_reason)
SELECT $1, $2, e.event_id, e.event_hash, $8, e.event::json, e.event_raw, e.event_raw_reason
FROM unnest($3::text[], $4::bytea[], $5::text[], $6::bytea[], $7::text[])
     AS e (event_id, event_hash, event, event_raw, event_raw_reason)
ON CONFLICT (source, process_date, event_id, event_hash) DO NOTHING
RETURNING event_id, event_hash
