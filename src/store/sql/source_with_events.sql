-- Finds a source of the account $2 that has stored events of the date $1 which match a filter.
SELECT l.source
FROM audit_events_log AS l
WHERE l.process_date = $1
  AND l.scope ->> 'account' = $2
  AND EXISTS (
      SELECT
      FROM audit_events AS e
      WHERE e.source = l.source
        AND e.process_date = l.process_date
        -- An event of an archive may be stored under a day whose list need not contain it.
        AND (e.via = 'api' OR (e.created_at AT TIME ZONE 'UTC')::date = e.process_date)
        AND ($3::text IS NULL OR e.type = $3)
        AND ($4::text IS NULL OR e.action = $4)
        AND ($5::text IS NULL OR lower(e.actor_email) = lower($5) OR e.actor_id = $5)
  )
ORDER BY l.source
LIMIT 1
