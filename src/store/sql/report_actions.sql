-- Reads what people did to the sources $1, at most $4 entries, newest first: to the days from $2 to
-- $3, and to any day during those dates. One command that did the same to many days is one entry.
SELECT source, action, outcome, message, "by",
       greatest('0001-01-01Z', least('9999-12-31Z', min(at))) AS at,
       count(*) AS days,
       greatest('0001-01-01', least('9999-12-31', min(process_date))) AS first_day,
       greatest('0001-01-01', least('9999-12-31', max(process_date))) AS last_day
FROM audit_history
WHERE action NOT IN ('claim', 'takeover', 'publish', 'fail', 'release', 'reconcile', 'confirm',
                     'keep')
  AND source = ANY ($1)
  AND (process_date BETWEEN $2 AND $3
       OR at >= $2::date::timestamp AT TIME ZONE 'UTC'
          AND at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC')
GROUP BY run_id, source, action, outcome, message, "by"
ORDER BY min(id) DESC
LIMIT $4
