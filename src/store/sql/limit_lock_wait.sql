-- Shortens each wait for a lock for the rest of the transaction. Other sessions queue behind a
-- change of a table, so it must not wait long for a session that uses the table.
SELECT set_config('lock_timeout', '300ms', true)
