-- Finds events, newest first, by the index on their time. $1 is the first moment, $2 the first one
-- behind the last. The others select, where they are not NULL: sources, then patterns of lower-case
-- text for app, actor, type, action and team, then addresses. $10 is the most events to return.
SELECT source, process_date, event_id, attempt, event, event_raw, event_hash, created_at, via,
       first_seen_at, ip_address, type, action, actor_email, actor_id, app_name, app_id, team_name,
       team_id, owner_email
FROM audit_events
WHERE coalesce(created_at, process_date::timestamp AT TIME ZONE 'UTC')
      >= coalesce($1::timestamptz, '-infinity')
  AND coalesce(created_at, process_date::timestamp AT TIME ZONE 'UTC')
      < coalesce($2::timestamptz, 'infinity')
  AND ($3::text[] IS NULL OR source = ANY ($3))
  AND ($4::text[] IS NULL OR lower(app_name) LIKE ANY ($4) OR lower(app_id) LIKE ANY ($4))
  AND ($5::text[] IS NULL OR lower(actor_email) LIKE ANY ($5) OR lower(actor_id) LIKE ANY ($5))
  AND ($6::text[] IS NULL OR lower(type) LIKE ANY ($6))
  AND ($7::text[] IS NULL OR lower(action) LIKE ANY ($7))
  AND ($8::text[] IS NULL OR lower(team_name) LIKE ANY ($8) OR lower(team_id) LIKE ANY ($8))
  AND ($9::inet[] IS NULL OR ip_address <<= ANY ($9))
ORDER BY coalesce(created_at, process_date::timestamp AT TIME ZONE 'UTC') DESC,
         source, process_date, event_id
LIMIT $10
