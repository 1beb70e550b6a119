-- Reads what the ledger has of each source, of the sources $1 or of all where it is NULL: its first
-- and its last day, and how many days before $2 are complete. Dates before Heroku's audit trail, or
-- such as infinity, are mistakes. $3 are names of which $4 has the other names of the same source
-- that come first, separated by commas. A day that one of these has, too, does not count.
SELECT source,
       min(process_date) AS first_day,
       max(process_date) AS last_day,
       count(*) FILTER (WHERE process_date < $2 AND status = 'SUCCESS' AND synced_at IS NOT NULL)
           AS complete_before
FROM audit_events_log AS l
LEFT JOIN unnest($3::text[], $4::text[]) AS named (source, preceding) USING (source)
WHERE CASE WHEN named.preceding IS NULL
           THEN true
           ELSE NOT EXISTS (SELECT
                            FROM audit_events_log AS first
                            WHERE first.source = ANY (string_to_array(named.preceding, ','))
                              AND first.process_date = l.process_date)
      END
  AND ($1::text[] IS NULL OR source = ANY ($1))
  AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
GROUP BY source
ORDER BY source COLLATE "C"
