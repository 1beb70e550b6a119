-- Adds what a comparison with an archive found of each day of a source to the history, with the
-- day's attempt. A day without a row in the ledger has none.
INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, events, message,
                           "by")
SELECT $1, $2, compared.process_date, coalesce(l.attempt, 0), 'reconcile', compared.outcome,
       compared.events, compared.message, $7
FROM unnest($3::date[], $4::text[], $5::integer[], $6::text[])
         AS compared (process_date, outcome, events, message)
LEFT JOIN audit_events_log AS l
  ON l.source = $2 AND l.process_date = compared.process_date
ORDER BY compared.process_date
RETURNING process_date, attempt, pg_current_xact_id()::text AS xact
