-- Whether a stored event has each value: $1 are the kinds of value, $2 patterns of lower-case text.
SELECT CASE kind
           WHEN 'app' THEN EXISTS (
               SELECT FROM audit_events
               WHERE lower(app_name) LIKE pattern OR lower(app_id) LIKE pattern)
           WHEN 'actor' THEN EXISTS (
               SELECT FROM audit_events
               WHERE lower(actor_email) LIKE pattern OR lower(actor_id) LIKE pattern)
           WHEN 'team' THEN EXISTS (
               SELECT FROM audit_events
               WHERE lower(team_name) LIKE pattern OR lower(team_id) LIKE pattern)
           WHEN 'type' THEN EXISTS (SELECT FROM audit_events WHERE lower(type) LIKE pattern)
           ELSE EXISTS (SELECT FROM audit_events WHERE lower(action) LIKE pattern)
       END AS is_stored
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS named (kind, pattern, place)
ORDER BY place
