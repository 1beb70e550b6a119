-- Each source's first day in the ledger, from the index on (source, process_date). Dates that only a person can have
-- written, such as infinity, lie beyond what the program can hold.
SELECT s.source,
       (SELECT min(process_date) FROM audit_events_log AS l
        WHERE l.source = s.source AND process_date BETWEEN '0001-01-01' AND '9999-12-31') AS first_day,
       (SELECT max(process_date) FROM audit_events_log AS l
        WHERE l.source = s.source AND process_date BETWEEN '0001-01-01' AND '9999-12-31' AND l.status = 'SUCCESS')
           AS last_whole_day
FROM unnest($1::text[]) AS s (source)
