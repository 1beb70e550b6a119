-- Reads what seals cover of the ledger, behind the day ($4, $5), up to
-- the day ($6, $7). $1 to $3 select sources and dates.
SELECT source, process_date, status::text AS status, attempt, events_count, digest,
       scope::text AS scope, synced_at IS NOT NULL AS is_read
FROM audit_events_log
WHERE ($1::text[] IS NULL OR source = ANY ($1))
  AND ($2::date IS NULL OR process_date >= $2)
  AND ($3::date IS NULL OR process_date <= $3)
  AND ($4::text IS NULL OR (source, process_date) > ($4, $5::date))
  AND ($6::text IS NULL OR (source, process_date) <= ($6, $7::date))
