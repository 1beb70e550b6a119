-- How many days each source has in the ledger, from when to when, and their events: from an index alone.
-- $1 names the only sources that are wanted, if not all.
SELECT counted.*,
       (SELECT CASE WHEN l.synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN l.synced_at END
        FROM audit_events_log AS l
        WHERE l.source = counted.source
          AND l.process_date = counted.last_day) AS last_success
FROM (
    SELECT source, count(*) AS days, min(process_date) AS first_day, max(process_date) AS last_day,
           coalesce(sum(events_count), 0) AS events
    FROM audit_events_log
    WHERE ($1::text[] IS NULL OR source = ANY ($1))
      AND process_date BETWEEN '0001-01-01' AND '9999-12-31'
    GROUP BY source
) AS counted
