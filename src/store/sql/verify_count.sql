-- Counts the days with a row, to show how far a verification is.
SELECT count(*) AS days
FROM audit_events_log
WHERE ($1::text[] IS NULL OR source = ANY ($1))
  AND ($2::date IS NULL OR process_date >= $2)
  AND ($3::date IS NULL OR process_date <= $3)
