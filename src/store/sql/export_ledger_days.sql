-- Finds the first and the last day from $1 to $2 that each source has in the ledger.
SELECT source, min(process_date) AS first_day, max(process_date) AS last_day
FROM audit_events_log
WHERE process_date BETWEEN $1::date AND $2::date
GROUP BY source
