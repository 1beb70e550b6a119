-- Counts the stored events of each day of a range.
SELECT process_date, count(*) AS events
FROM audit_events
WHERE source = $1
  AND process_date BETWEEN $2 AND $3
GROUP BY process_date
