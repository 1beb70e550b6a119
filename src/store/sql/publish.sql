-- Makes a day complete, with count and digest of all its stored events. The transaction holds the
-- fence, so no event can be stored meanwhile. The statement names the fence again, so that it is
-- correct by itself. It returns what the seal needs.
UPDATE audit_events_log AS l
SET status = 'SUCCESS',
    events_count = stored.events,
    digest = stored.digest,
    -- Scope and time of the reading. Both parameters are NULL if nothing was read.
    scope = coalesce($5, l.scope),
    -- An archive may know less than an earlier reading.
    synced_at = greatest(l.synced_at, $6),
    settled_at = CASE
        -- A repair that adds to a settled day leaves it settled.
        WHEN $9 THEN l.settled_at
        WHEN $7::double precision IS NULL
          OR ($8 >= ($2 + 1)::timestamp AT TIME ZONE 'UTC' + make_interval(secs => $7)
              -- A day that was complete before settles if nothing new came since then, in any
              -- attempt, also in one that was killed before it could publish.
              AND (l.synced_at IS NULL
                   OR (stored.events = l.events_count
                       AND NOT EXISTS (SELECT FROM audit_event_conflicts AS c
                                       WHERE c.source = $1
                                         AND c.process_date = $2
                                         AND c.attempt > (SELECT coalesce(max(h.attempt), 0)
                                                          FROM audit_history AS h
                                                          WHERE h.source = $1
                                                            AND h.process_date = $2
                                                            AND h.action = 'publish')))))
        THEN clock_timestamp()
    END,
    error_message = NULL,
    locked_by = NULL,
    locked_until = NULL,
    updated_at = clock_timestamp()
FROM (
    SELECT count(*)::integer AS events,
           sha256(coalesce(string_agg(event_hash, ''::bytea ORDER BY event_id), ''::bytea))
               AS digest
    FROM audit_events
    WHERE source = $1
      AND process_date = $2
      -- No attempt of ours has a later number.
      AND attempt <= $3
) AS stored, (
    SELECT count(*)::integer AS conflicts,
           sha256(coalesce(string_agg(event_hash, ''::bytea ORDER BY event_id, event_hash),
                           ''::bytea)) AS digest
    FROM audit_event_conflicts
    WHERE source = $1
      AND process_date = $2
      AND attempt <= $3
) AS differing
WHERE l.source = $1
  AND l.process_date = $2
  AND l.attempt = $3
  AND l.locked_by = $4
  AND l.status = 'PROCESSING'
  AND l.locked_until > clock_timestamp()
RETURNING l.events_count, l.settled_at IS NOT NULL AS settled, stored.digest,
          differing.conflicts, differing.digest AS conflicts_digest, l.scope::text AS scope,
          l.synced_at,
          -- For the seal: a clock that was set back must not seal before the reading began.
          clock_timestamp() AS now,
          (SELECT coalesce(max(s.attempt + 0), 0)
           FROM audit_seals AS s
           WHERE s.source = $1
             AND s.process_date = $2
             AND s.kind = 'day') AS prev_attempt
