-- Reads the next $2 seals behind the number $1.
SELECT seq, prev, seal, sealed, kind, source, process_date, attempt, events_count, digest, sealed_at
FROM audit_seals
WHERE $1::bigint IS NULL OR seq > $1
ORDER BY seq
LIMIT $2
