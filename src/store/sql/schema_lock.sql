-- One process at a time brings the schema up to date; the lock ends with the transaction, so that it holds behind a
-- pooler too.
SELECT pg_advisory_xact_lock($1)
