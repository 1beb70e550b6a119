-- Reads what else speaks for the days of the sources $1 from $2 to $3: the last comparison of each
-- with Heroku's archive, and the last confirmation that it is empty.
SELECT DISTINCT ON (source, process_date, action)
       array_position($1::text[], source) AS place, process_date, action, outcome, events, message,
       greatest('0001-01-01Z', least('9999-12-31Z', at)) AS at
FROM audit_history
WHERE action IN ('reconcile', 'confirm')
  AND source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
ORDER BY source, process_date, action, id DESC
