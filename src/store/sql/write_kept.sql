-- Adds to the history that the archive of a month is kept: an entry for each source $2, at the
-- first day $3 of the month. $6 are the names of these sources, former ones too, and $7 the present
-- name of each. An entry that says the same is not repeated: a run that is killed may
-- have kept the file before, and writes its entry when it runs again.
INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, message, "by")
SELECT $1, kept.source, $3, 0, 'keep', 'kept', $4, $5
FROM unnest($2::text[]) AS kept (source)
WHERE NOT EXISTS (
    SELECT 1
    FROM audit_history AS h
    WHERE h.source IN (SELECT names.stored
                       FROM unnest($6::text[], $7::text[]) AS names (stored, present)
                       WHERE names.present = kept.source)
      AND h.process_date = $3
      AND h.action = 'keep'
      AND h.message = $4
)
RETURNING source, process_date, attempt, pg_current_xact_id()::text AS xact
