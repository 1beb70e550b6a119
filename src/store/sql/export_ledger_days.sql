-- Finds the first and the last day from $1 to $2 that each source has in the ledger or in the
-- chain: a sealed day whose row was deleted must not be missed.
SELECT source, min(process_date) AS first_day, max(process_date) AS last_day
FROM (
    SELECT source, process_date
    FROM audit_events_log
    UNION ALL
    SELECT source, process_date
    FROM audit_seals
    WHERE source IS NOT NULL
      AND process_date IS NOT NULL
) AS known
WHERE process_date BETWEEN $1::date AND $2::date
GROUP BY source
