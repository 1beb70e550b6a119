-- Reads what the ledger has of each source, of the sources $1 or of all where it is NULL: its first
-- and its last day, and how many days before $2 are complete. Dates before Heroku's audit trail, or
-- such as infinity, are mistakes.
SELECT source,
       min(process_date) AS first_day,
       max(process_date) AS last_day,
       count(*) FILTER (WHERE process_date < $2 AND status = 'SUCCESS' AND synced_at IS NOT NULL)
           AS complete_before
FROM audit_events_log
WHERE ($1::text[] IS NULL OR source = ANY ($1))
  AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
GROUP BY source
ORDER BY source COLLATE "C"
