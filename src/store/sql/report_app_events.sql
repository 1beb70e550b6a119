-- Reads the events of the sources $1 from $2 to $3 that name the app with the id $4 or the name $5,
-- at most $6 of them, newest first, and counts them all.
SELECT source, process_date, type, action, actor_email, app_name, host(ip_address) AS ip_address,
       CASE WHEN created_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN created_at END
           AS created_at,
       count(*) OVER () AS found
FROM audit_events
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
  AND (app_id = $4 OR app_name = $5)
ORDER BY audit_events.created_at DESC NULLS LAST, source, process_date, event_id
LIMIT $6
