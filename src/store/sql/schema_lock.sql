-- One process at a time brings the schema up to date; the lock ends with the transaction, so that it holds behind a
-- pooler too. A process that falls silent in it, stopped or cut off, must not keep it from the others for ever.
SELECT set_config('idle_in_transaction_session_timeout', '60s', true),
       pg_advisory_xact_lock($1)
