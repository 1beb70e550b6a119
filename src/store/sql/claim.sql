-- Claims a day in one statement, however many processes try.
INSERT INTO audit_events_log AS l (source, process_date, status, attempt, locked_by, locked_until,
                                   scope)
VALUES ($1, $2, 'PROCESSING',
        -- A day whose row is missing gets a number that was not used before. (`+ 0`: to plan an
        -- index scan for a maximum would take longer than to read the day.)
        CASE WHEN $6 THEN 1
             ELSE 1 + greatest((SELECT coalesce(max(s.attempt + 0), 0)
                                FROM audit_seals AS s
                                WHERE s.source = $1 AND s.process_date = $2),
                               (SELECT coalesce(max(e.attempt + 0), 0)
                                FROM audit_events AS e
                                WHERE e.source = $1 AND e.process_date = $2),
                               (SELECT coalesce(max(c.attempt + 0), 0)
                                FROM audit_event_conflicts AS c
                                WHERE c.source = $1 AND c.process_date = $2))
        END,
        $3, clock_timestamp() + make_interval(secs => $4), $5)
ON CONFLICT (source, process_date) DO UPDATE
SET status = 'PROCESSING',
    -- With a new number, no statement of an earlier holder matches any more.
    attempt = l.attempt + 1,
    locked_by = excluded.locked_by,
    locked_until = excluded.locked_until,
    error_message = NULL,
    -- settled_at stays: however a repair of a settled day ends, no reading is needed.
    updated_at = clock_timestamp()
WHERE (
        l.status IN ('PENDING', 'FAILED', 'ERROR')
        -- Take over a lease that ran out by this server's clock, or that has no end or no holder.
        OR (l.status = 'PROCESSING'
            AND (l.locked_until IS NULL OR l.locked_by IS NULL
                 OR l.locked_until <= clock_timestamp()))
        -- A complete day is read again only if its attempt is still the planned one, so only one of
        -- two processes does it.
        OR (l.status = 'SUCCESS' AND l.attempt = $7)
        -- An adopted day is due, because another program called it complete. A claim makes it
        -- PROCESSING, so only one of two processes reads it.
        OR (l.status = 'SUCCESS' AND l.synced_at IS NULL)
      )
  -- $6 is false if there was no row to lock. A row that exists now belongs to a claim whose commit
  -- this insert waited for. If its lease ran out meanwhile, the next claim takes it over and names
  -- it.
  AND $6
RETURNING attempt, synced_at IS NOT NULL AS was_complete, settled_at IS NOT NULL AS settled,
          CASE WHEN synced_at IS NOT NULL THEN coalesce(events_count, 0) ELSE 0 END
              AS events_before,
          CASE WHEN scope <> $5 THEN scope::text END AS other_scope,
          clock_timestamp() AS claimed_at,
          (SELECT count(*)
           FROM audit_events AS e
           WHERE e.source = $1
             AND e.process_date = $2
             -- No attempt of ours has a later number.
             AND e.attempt < l.attempt) AS stored_before,
          pg_current_xact_id()::text AS xact
