//! The Python logger's database.

/// Its table as `create_all` makes it: without `alembic_version`, because its Alembic can't run as
/// shipped.
pub(crate) const TABLE: &str = "
    CREATE TABLE audit_events_log (
        id SERIAL NOT NULL,
        process_date DATE NOT NULL,
        status VARCHAR(20) NOT NULL,
        events_count INTEGER,
        error_message TEXT,
        created_at TIMESTAMP WITHOUT TIME ZONE,
        updated_at TIMESTAMP WITHOUT TIME ZONE,
        PRIMARY KEY (id), UNIQUE (process_date)
    );
    CREATE INDEX idx_audit_events_log_process_date_status
        ON audit_events_log (process_date, status);
    CREATE INDEX idx_audit_events_log_status ON audit_events_log (status);";
