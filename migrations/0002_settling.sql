-- Of an attempt that published a day which had been whole before: the events that were first seen since.
ALTER TABLE audit_history ADD COLUMN late_events integer;

-- What `status` tells of lateness, without reading the whole history.
CREATE INDEX idx_audit_history_late ON audit_history (source) WHERE late_events > 0;

-- The days that have not settled: few, since most do within days. Those to be read again are found among them.
CREATE INDEX idx_audit_events_log_unsettled ON audit_events_log (source, process_date) WHERE settled_at IS NULL;

-- How many days and events each source has, without reading the ledger itself.
CREATE INDEX idx_audit_events_log_counts ON audit_events_log (source, process_date) INCLUDE (events_count);

-- Whether a source has days that were asked with another scope than that of the file. Equal entries are stored once.
CREATE INDEX idx_audit_events_log_scope ON audit_events_log (source, md5(scope::text));
