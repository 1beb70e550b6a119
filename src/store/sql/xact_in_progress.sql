-- Whether a transaction is still in progress. After a crash its id may lie in the future, which the
-- server can't answer, or belong to another transaction. So "committed" would prove nothing.
SELECT CASE
           WHEN $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
               THEN coalesce(pg_xact_status($1::text::xid8) = 'in progress', false)
           ELSE false
       END AS in_progress
