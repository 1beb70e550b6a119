-- Whether this run wrote this action to the history.
SELECT
FROM audit_history
WHERE source = $1
  AND process_date = $2
  AND attempt = $3
  AND action = $4
  AND run_id = $5
LIMIT 1
