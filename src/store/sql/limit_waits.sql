-- For the rest of the transaction: it waits for no lock longer than $1, and if we fall silent in it for longer than $2,
-- the server ends it, so that nobody waits for us.
SELECT set_config('lock_timeout', $1, true),
       set_config('idle_in_transaction_session_timeout', $2, true)
