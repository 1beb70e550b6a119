-- Counts the days and events of each source, with its first and last day, from an index alone.
-- $1 selects sources, if not all.
-- The count of a day that we never read completely is another program's, so it is subtracted. Such
-- days are few, and are in the index of unsettled days.
SELECT counted.source, counted.days, counted.first_day, counted.last_day,
       counted.events_counted
           - coalesce((SELECT sum(l.events_count)
                       FROM audit_events_log AS l
                       WHERE l.source = counted.source
                         AND l.settled_at IS NULL
                         AND l.synced_at IS NULL
                         AND l.process_date BETWEEN '2017-01-01' AND '9999-12-31'), 0) AS events,
       (SELECT CASE WHEN l.synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN l.synced_at END
        FROM audit_events_log AS l
        WHERE l.source = counted.source
          AND l.process_date = counted.last_day) AS last_success
FROM (
    SELECT source, count(*) AS days,
           min(process_date) AS first_day,
           max(process_date) AS last_day,
           coalesce(sum(events_count), 0) AS events_counted
    FROM audit_events_log
    WHERE ($1::text[] IS NULL OR source = ANY ($1))
      AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
    GROUP BY source
) AS counted
