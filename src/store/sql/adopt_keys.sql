-- Adds the constraints of the ledger, now that each row has a source. Existing indexes stay.
ALTER TABLE audit_events_log
    ALTER COLUMN source SET NOT NULL,
    ALTER COLUMN process_date SET NOT NULL,
    ALTER COLUMN status SET NOT NULL,
    ALTER COLUMN created_at SET NOT NULL,
    ALTER COLUMN updated_at SET NOT NULL,
    ADD CONSTRAINT audit_events_log_source_process_date_key UNIQUE (source, process_date);

CREATE INDEX IF NOT EXISTS idx_audit_events_log_status ON audit_events_log (status);
CREATE INDEX IF NOT EXISTS idx_audit_events_log_process_date_status
    ON audit_events_log (process_date, status);
