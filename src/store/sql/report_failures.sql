-- Reads the last failed attempts and takeovers at the days of the sources $1 from $2 to $3, at most
-- $4 of them, newest first.
SELECT source, process_date, action, attempt, message, "by",
       greatest('0001-01-01Z', least('9999-12-31Z', at)) AS at
FROM audit_history
WHERE action IN ('fail', 'takeover')
  AND source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
ORDER BY id DESC
LIMIT $4
