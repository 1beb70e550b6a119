-- Finds the days of each source $1, from $2 to $3, that are not complete, and groups consecutive
-- ones. A complete day stays complete while it is due again or is read again. It no longer is when
-- that reading has failed. An adopted day was never read.
--
-- $4 are the names under which days are stored, $5 the source of each, and $6 the names of that
-- source that come first, separated by commas. A day that one of these has, too, does not count.
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
    LEFT JOIN (
        SELECT named.present, l.process_date
        FROM unnest($4::text[], $5::text[], $6::text[]) AS named (source, present, preceding)
        JOIN audit_events_log AS l USING (source)
        WHERE l.synced_at IS NOT NULL
          AND l.status IN ('SUCCESS', 'PENDING', 'PROCESSING')
          AND l.process_date >= (SELECT min(first) FROM unnest($2::date[]) AS first)
          AND l.process_date <= (SELECT max(last) FROM unnest($3::date[]) AS last)
          AND CASE WHEN named.preceding IS NULL
                   THEN true
                   ELSE NOT EXISTS (SELECT
                                    FROM audit_events_log AS first
                                    WHERE first.source
                                          = ANY (string_to_array(named.preceding, ','))
                                      AND first.process_date = l.process_date)
              END
    ) AS complete
      ON complete.present = owed.source AND complete.process_date = day.process_date
    WHERE complete.present IS NULL
) AS gaps
GROUP BY source, island
ORDER BY source, first_day
