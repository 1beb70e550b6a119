-- Counts the complete days of each source that have no event, and for which nothing but Heroku's
-- list speaks: no confirmation, and no last comparison with the archive that agrees. A report
-- counts in the same way. An index has the days without events. $1 selects sources, if not all.
-- $3 are the names of the same source that come before each of the names $2, separated by commas. A
-- day that one of these has, too, does not count.
SELECT l.source, count(*) AS days,
       min(l.process_date) AS first_day,
       max(l.process_date) AS last_day
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
  AND NOT EXISTS (SELECT
                  FROM unnest($2::text[], $3::text[]) AS known (source, preceding)
                  JOIN audit_events_log AS first
                    ON first.source = ANY (string_to_array(known.preceding, ','))
                  WHERE known.source = l.source
                    AND known.preceding IS NOT NULL
                    AND first.process_date = l.process_date)
GROUP BY l.source
