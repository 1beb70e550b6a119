-- Reads the conflicts behind the day ($4, $5), up to
-- the day ($6, $7). $1 to $3 select sources and dates.
SELECT source, process_date, event_id, attempt, event, event_raw, event_hash, seen_at
FROM audit_event_conflicts
WHERE ($1::text[] IS NULL OR source = ANY ($1))
  AND ($2::date IS NULL OR process_date >= $2)
  AND ($3::date IS NULL OR process_date <= $3)
  AND ($4::text IS NULL OR (source, process_date) > ($4, $5::date))
  AND ($6::text IS NULL OR (source, process_date) <= ($6, $7::date))
ORDER BY source, process_date, event_id, event_hash
