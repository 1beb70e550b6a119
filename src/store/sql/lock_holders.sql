-- Finds a session that holds a lock on one of our tables, or the lock of the schema or of the chain
-- of seals: the strongest lock first, then the oldest transaction. $1 are the modes that block, $2
-- are the numbers of the other locks. Of other roles' sessions, a role sees only process id, role
-- and program.
SELECT l.pid,
       CASE l.locktype WHEN 'relation' THEN l.relation::regclass::text END AS table_name,
       CASE l.locktype WHEN 'advisory' THEN l.classid::bigint << 32 | l.objid::bigint END AS number,
       l.mode,
       a.usename::text AS role,
       a.application_name AS program,
       a.state,
       to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a USING (pid)
WHERE l.granted
  AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (
        (l.locktype = 'relation'
         AND l.mode = ANY ($1)
         AND l.relation IN (to_regclass('audit_events_log'), to_regclass('audit_events'),
                            to_regclass('audit_event_conflicts'), to_regclass('audit_history'),
                            to_regclass('audit_seals'), to_regclass('audit_anchors'),
                            to_regclass('auditsync_migrations')))
        OR (l.locktype = 'advisory'
            AND (l.classid::bigint << 32 | l.objid::bigint) = ANY ($2))
      )
ORDER BY array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock',
                              'ShareLock', 'ShareUpdateExclusiveLock', 'RowExclusiveLock',
                              'RowShareLock', 'AccessShareLock'], l.mode),
         a.xact_start, l.pid
LIMIT 1
