-- Of an attempt that published a day which had been whole before: the events that were first seen since.
ALTER TABLE audit_history ADD COLUMN late_events integer;

-- What `status` tells of lateness, without reading the whole history.
CREATE INDEX idx_audit_history_late ON audit_history (source) WHERE late_events > 0;

-- The whole days that are to be read again some time: few, since most settle within days.
CREATE INDEX idx_audit_events_log_unsettled ON audit_events_log (source, process_date)
    WHERE settled_at IS NULL AND synced_at IS NOT NULL;
