-- Whether a transaction has not ended yet. After a crash its number may lie in the future, of which the server can't be
-- asked, or be another's by now: nothing is concluded from its having been committed.
SELECT CASE
           WHEN $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
               THEN coalesce(pg_xact_status($1::text::xid8) = 'in progress', false)
           ELSE false
       END AS goes_on
