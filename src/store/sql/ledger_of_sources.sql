-- The rows that planning needs: those of a range of dates, and every PENDING day of any age.
SELECT source, process_date, status, attempt, events_count, locked_by, error_message, updated_at, synced_at,
       coalesce(locked_until > clock_timestamp(), false) AS live,
       coalesce(locked_until > clock_timestamp() + interval '30 days', false) AS endless
FROM audit_events_log
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
UNION
SELECT source, process_date, status, attempt, events_count, locked_by, error_message, updated_at, synced_at,
       coalesce(locked_until > clock_timestamp(), false),
       coalesce(locked_until > clock_timestamp() + interval '30 days', false)
FROM audit_events_log
WHERE source = ANY ($1)
  AND status = 'PENDING'
ORDER BY process_date, source
