-- Lets one process at a time change the schema. The lock ends with the transaction, so it also
-- works through a pooler. A process that falls silent must not hold it forever.
SELECT set_config('idle_in_transaction_session_timeout', '60s', true),
       pg_advisory_xact_lock($1)
