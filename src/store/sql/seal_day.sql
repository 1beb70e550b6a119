-- Adds an entry to the history and a seal with the fields $15 to the chain, in one round trip: the
-- lock of the chain is held until the transaction ends. See append_seals.sql for $16 and $17.
WITH recorded AS (
    INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, events,
                               new_events, requests, retries, duration_ms, message, "by",
                               late_events)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
)
SELECT CASE
           WHEN set_config('idle_in_transaction_session_timeout', $16, true) IS NOT NULL
               AND set_config('lock_timeout', $17, true) IS NOT NULL
           THEN auditsync_seal(NULL, $15)
       END AS sealed
