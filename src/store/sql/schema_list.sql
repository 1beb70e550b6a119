-- Which migrations ran here, and with which text (SHA-384).
CREATE TABLE IF NOT EXISTS auditsync_migrations (
    version     bigint PRIMARY KEY,
    description text        NOT NULL,
    checksum    bytea       NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()
)
