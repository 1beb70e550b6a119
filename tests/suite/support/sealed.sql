-- What is wrong with the chain of seals and the days, in words; no rows if all is well. A complete
-- day has a seal of its reading, each seal of a day has its day, and the chain has no gap.
SELECT 'complete, without its seal: ' || source || ' ' || process_date || ' ' || attempt AS problem
FROM audit_events_log AS l
WHERE status = 'SUCCESS'
  AND synced_at IS NOT NULL
  AND NOT EXISTS (SELECT
                  FROM audit_seals AS s
                  WHERE s.kind = 'day'
                    AND (s.source, s.process_date, s.attempt, s.events_count, s.digest)
                        = (l.source, l.process_date, l.attempt, l.events_count, l.digest))
UNION ALL
SELECT 'sealed, but not complete: ' || source || ' ' || process_date || ' ' || attempt
FROM audit_seals AS s
WHERE kind = 'day'
  AND NOT EXISTS (SELECT
                  FROM audit_events_log AS l
                  WHERE (l.source, l.process_date) = (s.source, s.process_date)
                    -- Claimed again since then, or complete, or reset since then.
                    AND (l.attempt > s.attempt
                         OR l.attempt = s.attempt
                            AND (l.status = 'SUCCESS'
                                 OR EXISTS (SELECT
                                            FROM audit_seals AS r
                                            WHERE r.kind = 'reset'
                                              AND r.seq > s.seq
                                              AND (r.source, r.process_date)
                                                  = (s.source, s.process_date)))))
UNION ALL
SELECT 'the chain breaks before ' || seq
FROM (SELECT seq, prev, kind, row_number() OVER (ORDER BY seq) AS place,
             lag(seal) OVER (ORDER BY seq) AS before
      FROM audit_seals) AS chain
WHERE seq <> place
   OR prev IS DISTINCT FROM before
   OR (kind = 'genesis') <> (seq = 1)
