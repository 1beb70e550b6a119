-- Which sources have days that were asked with another scope than they have now.
SELECT wanted.source
FROM unnest($1::text[], $2::jsonb[]) AS wanted (source, scope)
WHERE EXISTS (SELECT FROM audit_events_log AS l
              WHERE l.source = wanted.source AND md5(l.scope::text) < md5(wanted.scope::text))
   OR EXISTS (SELECT FROM audit_events_log AS l
              WHERE l.source = wanted.source AND md5(l.scope::text) > md5(wanted.scope::text))
