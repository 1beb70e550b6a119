-- Reads the days of the sources $1 from $2 to $3, each with its state at the time $4. `place` is
-- the place of its source in $1. A count that is not of a complete reading is another program's.
SELECT array_position($1::text[], source) AS place, process_date,
       CASE status
           WHEN 'SUCCESS' THEN
               CASE WHEN synced_at IS NULL THEN 'adopted'
                    WHEN settled_at IS NULL THEN 'complete'
                    ELSE 'settled'
               END
           WHEN 'PENDING' THEN 'due'
           WHEN 'PROCESSING' THEN
               CASE WHEN locked_by IS NOT NULL AND locked_until > $4 THEN 'syncing' ELSE 'due' END
           ELSE 'failed'
       END AS state,
       synced_at IS NOT NULL AS was_complete,
       CASE WHEN synced_at IS NOT NULL THEN events_count END AS events,
       CASE WHEN status <> 'SUCCESS' THEN error_message END AS error
FROM audit_events_log
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
ORDER BY source, process_date
