-- Each source's first day in the ledger, from the index on (source, process_date).
SELECT s.source,
       (SELECT min(process_date) FROM audit_events_log AS l WHERE l.source = s.source) AS first_day,
       (SELECT max(process_date) FROM audit_events_log AS l WHERE l.source = s.source AND l.status = 'SUCCESS')
           AS last_whole_day
FROM unnest($1::text[]) AS s (source)
