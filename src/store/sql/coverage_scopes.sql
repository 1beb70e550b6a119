-- Finds the sources that have days of another scope than their present one.
SELECT wanted.source
FROM unnest($1::text[], $2::jsonb[]) AS wanted (source, scope)
WHERE EXISTS (SELECT FROM audit_events_log AS l
              WHERE l.source = wanted.source AND md5(l.scope::text) < md5(wanted.scope::text))
   OR EXISTS (SELECT FROM audit_events_log AS l
              WHERE l.source = wanted.source AND md5(l.scope::text) > md5(wanted.scope::text))
