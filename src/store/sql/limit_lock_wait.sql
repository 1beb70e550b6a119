-- For the rest of the transaction: whoever uses a table that is to be changed keeps us waiting only briefly, since others
-- queue behind us meanwhile.
SELECT set_config('lock_timeout', '300ms', true)
