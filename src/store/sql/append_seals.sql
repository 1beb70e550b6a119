-- Adds seals to the chain in their order: $2 holds the 13 fields of each of $3 seals, one after the
-- other. Others wait for the lock of the chain until this transaction ends, so a session that falls
-- silent must not hold it for long ($4). Waits for the lock itself up to $5.
SELECT CASE
           WHEN set_config('idle_in_transaction_session_timeout', $4, true) IS NOT NULL
               AND set_config('lock_timeout', $5, true) IS NOT NULL
           THEN auditsync_seal($1, ($2::text[])[n * 13 + 1:n * 13 + 13])
       END AS sealed
FROM generate_series(0, $3::integer - 1) AS n
