-- The rows that planning needs: those of a range of dates, and every PENDING day of any age up to its end.
-- Times and dates that only a person can have written, such as infinity, lie beyond what the program can hold.
SELECT source, process_date, status, attempt, events_count, locked_by, error_message,
       greatest('0001-01-01Z', least('9999-12-31Z', updated_at)) AS updated_at,
       CASE WHEN synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN synced_at END AS synced_at,
       coalesce(locked_until > clock_timestamp(), false) AS live,
       coalesce(locked_until > clock_timestamp() + interval '30 days', false) AS endless
FROM (
    SELECT *
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND process_date BETWEEN $2 AND $3
    UNION ALL
    SELECT *
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND status = 'PENDING'
      AND process_date >= '0001-01-01'
      AND process_date < $2
) AS rows_of_sources
ORDER BY process_date, source
