-- Counts the complete days of each source that have no event, and for which nothing but Heroku's
-- list speaks: no confirmation, and no last comparison with the archive that agrees. A report
-- counts in the same way. An index has the days without events. $1 selects sources, if not all.
SELECT l.source, count(*) AS days
FROM audit_events_log AS l
WHERE ($1::text[] IS NULL OR l.source = ANY ($1))
  AND l.process_date BETWEEN '2017-01-01' AND '9999-12-31'
  AND l.events_count = 0
  AND l.status = 'SUCCESS'
  AND l.synced_at IS NOT NULL
  AND l.pruned_at IS NULL
  AND NOT EXISTS (SELECT FROM audit_history AS h
                  WHERE h.source = l.source
                    AND h.process_date = l.process_date
                    AND h.action = 'confirm')
  AND (SELECT h.outcome
       FROM audit_history AS h
       WHERE h.source = l.source
         AND h.process_date = l.process_date
         AND h.action = 'reconcile'
       ORDER BY h.id DESC
       LIMIT 1) IS DISTINCT FROM 'agrees'
GROUP BY l.source
