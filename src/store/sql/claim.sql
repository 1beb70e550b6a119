-- Takes a day, in one statement, whoever else tries.
INSERT INTO audit_events_log AS l (source, process_date, status, attempt, locked_by, locked_until, scope)
VALUES ($1, $2, 'PROCESSING', 1, $3, clock_timestamp() + make_interval(secs => $4), $5)
ON CONFLICT (source, process_date) DO UPDATE
SET status = 'PROCESSING',
    -- A new number, so that no statement of an earlier holder matches any more.
    attempt = l.attempt + 1,
    locked_by = excluded.locked_by,
    locked_until = excluded.locked_until,
    error_message = NULL,
    -- settled_at stays: however a repair of a settled day ends, the day need not be read again.
    updated_at = clock_timestamp()
WHERE (
        l.status IN ('PENDING', 'FAILED', 'ERROR')
        -- A lease that ran out by this server's clock may be taken over; one without an end is nobody's.
        OR (l.status = 'PROCESSING'
            AND (l.locked_until IS NULL OR l.locked_by IS NULL OR l.locked_until <= clock_timestamp()))
        -- A whole day is read again only if it is still the same attempt's: of two that want to, one does.
        OR (l.status = 'SUCCESS' AND l.attempt = $7)
        -- An adopted day is due: another program called it complete. Whoever takes it makes it PROCESSING, then reads it.
        OR (l.status = 'SUCCESS' AND l.synced_at IS NULL)
      )
  -- Where there was no row to lock, one that is there now is that of a claim whose commit this insert waited for. If its
  -- lease ran out meanwhile, the next claim takes it over by name.
  AND $6
RETURNING attempt, synced_at IS NOT NULL AS was_whole, settled_at IS NOT NULL AS settled,
          CASE WHEN synced_at IS NOT NULL THEN coalesce(events_count, 0) ELSE 0 END AS events_before,
          CASE WHEN scope <> $5 THEN scope::text END AS other_scope, clock_timestamp() AS claimed_at,
          (SELECT count(*) FROM audit_events AS e WHERE e.source = $1 AND e.process_date = $2) AS stored_before,
          pg_current_xact_id()::text AS xact
