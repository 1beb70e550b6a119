-- Reads the rows of a range of dates, and every older PENDING row.
-- Dates before Heroku's audit trail, and values such as infinity, are mistakes.
-- $5 names the source of each of the names $1, and $6 the names of that source that come first,
-- separated by commas. A day that one of these has, too, does not count.
SELECT wanted.present AS source, l.source AS stored_as, process_date, status, attempt, locked_by,
       error_message,
       -- Without a complete reading of ours, the count is another program's.
       CASE WHEN synced_at IS NOT NULL THEN events_count END AS events_count,
       greatest('0001-01-01Z', least('9999-12-31Z', updated_at)) AS updated_at,
       CASE WHEN synced_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN synced_at END AS synced_at,
       settled_at IS NOT NULL AS settled,
       status = 'SUCCESS' AND synced_at IS NULL AS adopted,
       coalesce(l.scope <> wanted.scope, false) AS other_scope,
       coalesce(locked_until > clock_timestamp(), false) AS live,
       coalesce(locked_until > clock_timestamp() + interval '30 days', false) AS endless
FROM (
    SELECT *
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND process_date BETWEEN $3 AND $4
    UNION ALL
    SELECT *
    FROM audit_events_log
    WHERE source = ANY ($1)
      AND status = 'PENDING'
      AND process_date >= '2017-01-01'
      AND process_date < $3
) AS l
JOIN unnest($1::text[], $2::jsonb[], $5::text[], $6::text[])
         AS wanted (source, scope, present, preceding) USING (source)
WHERE wanted.preceding IS NULL
   OR NOT EXISTS (SELECT
                  FROM audit_events_log AS first
                  WHERE first.source = ANY (string_to_array(wanted.preceding, ','))
                    AND first.process_date = l.process_date)
ORDER BY process_date, wanted.present
