-- Reads the events of the days of the sources $1 from $2 to $3 that came after their day had been
-- complete.
SELECT source, process_date, late_events,
       greatest('0001-01-01Z', least('9999-12-31Z', at)) AS at
FROM audit_history
WHERE late_events > 0
  AND source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
ORDER BY id
