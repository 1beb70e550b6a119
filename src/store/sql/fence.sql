-- Locks the ledger row for the rest of the writing transaction, if the lease is still ours. No
-- other process can take the day over between this statement and the commit. The clock is read
-- after the lock is granted, because the wait may have outlasted the lease. A connection that falls
-- silent must not hold the lock for longer than the lease lasts ($5).
SELECT pg_current_xact_id()::text AS xact,
       set_config('idle_in_transaction_session_timeout', $5, true),
       -- Our own renewal waits behind this row, so this transaction must not wait long for a lock
       -- on another table.
       set_config('lock_timeout', $6, true),
       set_config('statement_timeout', $7, true)
FROM (
    SELECT locked_until
    FROM audit_events_log
    WHERE source = $1
      AND process_date = $2
      AND attempt = $3
      AND locked_by = $4
      AND status = 'PROCESSING'
    -- Keeps the planner from moving the condition on the clock in here, before the lock.
    OFFSET 0
    FOR UPDATE
) AS held
WHERE held.locked_until > clock_timestamp()
