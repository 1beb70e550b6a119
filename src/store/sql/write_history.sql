-- Adds an entry to the history.
INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, events,
                           new_events, requests, retries, duration_ms, message, "by", late_events)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
