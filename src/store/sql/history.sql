-- Reads the history in the order in which it was written: of the sources $1, the date $2 and the
-- last $3 days; NULL selects all. Values such as infinity, which only a person can have written,
-- are clamped to what the program can represent.
SELECT greatest('0001-01-01Z', least('9999-12-31Z', at)) AS at, run_id, source,
       greatest('0001-01-01', least('9999-12-31', process_date)) AS process_date,
       attempt, action, outcome, events, new_events, late_events, requests, retries, duration_ms,
       message, "by"
FROM audit_history
WHERE ($1::text[] IS NULL OR source = ANY ($1))
  AND ($2::date IS NULL OR process_date = $2)
  AND ($3::integer IS NULL OR at >= clock_timestamp() - make_interval(days => $3))
ORDER BY id
