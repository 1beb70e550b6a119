-- Locks the ledger row, if the lease is still ours, for the rest of the transaction that writes: nobody can take the
-- day over between this statement and the commit.
-- The clock is read behind the lock, since waiting for it may have outlasted the lease.
-- A connection that falls silent must not hold the lock for longer than the lease lasts.
SELECT pg_current_xact_id()::text AS xact,
       set_config('idle_in_transaction_session_timeout', $5, true),
       -- A lock on another table must not keep our own renewal waiting behind this row for longer.
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
    -- Without this the condition on the clock would be moved in here, and be read before the lock.
    OFFSET 0
    FOR UPDATE
) AS held
WHERE held.locked_until > clock_timestamp()
