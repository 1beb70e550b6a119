-- Finds the days of each source $1, from $2 to $3, that are not complete, and groups consecutive
-- ones. A complete day stays complete while it is due again or is read again. It no longer is when
-- that reading has failed. An adopted day was never read.
SELECT source, min(process_date) AS first_day, max(process_date) AS last_day
FROM (
    SELECT owed.source, day.process_date,
           -- Consecutive days have the same distance from their row number.
           day.process_date - row_number() OVER (PARTITION BY owed.source
                                                 ORDER BY day.process_date)::integer AS island
    FROM unnest($1::text[], $2::date[], $3::date[]) AS owed (source, first_day, last_day)
    CROSS JOIN LATERAL (
        SELECT owed.first_day + n AS process_date
        FROM generate_series(0, owed.last_day - owed.first_day) AS n
    ) AS day
    LEFT JOIN audit_events_log AS l
      ON l.source = owed.source AND l.process_date = day.process_date
    WHERE (l.synced_at IS NOT NULL AND l.status IN ('SUCCESS', 'PENDING', 'PROCESSING'))
          IS NOT TRUE
) AS gaps
GROUP BY source, island
ORDER BY source, first_day
