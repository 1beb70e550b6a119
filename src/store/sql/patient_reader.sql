-- Lets this transaction wait for a person who reads the output page by page.
SELECT set_config('idle_in_transaction_session_timeout', '1h', true)
