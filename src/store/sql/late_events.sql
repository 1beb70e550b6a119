-- Reads how many events of each day were first seen after the day was complete, and when.
SELECT source, process_date, late_events, at
FROM audit_history
WHERE late_events > 0
  AND process_date BETWEEN '2017-01-01' AND '9999-12-31'
  AND ($1::text[] IS NULL OR source = ANY ($1))
ORDER BY id
