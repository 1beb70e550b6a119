-- Counts the days of each month that are on record: complete, or compared with Heroku's archive.
-- The months come as their first days ($2), each with a name of its source ($1). Those of one
-- source have the same number ($3), and a day counts once for all of them.
SELECT wanted.place, count(DISTINCT on_record.process_date) AS days
FROM unnest($1::text[], $2::date[], $3::integer[]) AS wanted (source, first_day, place)
LEFT JOIN LATERAL (
    SELECT l.process_date
    FROM audit_events_log AS l
    WHERE l.source = wanted.source
      AND l.process_date >= wanted.first_day
      AND l.process_date < wanted.first_day + interval '1 month'
      AND l.status = 'SUCCESS'
      AND l.synced_at IS NOT NULL
    UNION
    SELECT h.process_date
    FROM audit_history AS h
    WHERE h.source = wanted.source
      AND h.process_date >= wanted.first_day
      AND h.process_date < wanted.first_day + interval '1 month'
      AND h.action = 'reconcile'
) AS on_record ON true
GROUP BY wanted.place
ORDER BY wanted.place
