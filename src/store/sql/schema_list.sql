-- The migrations that ran here, with the SHA-384 of their texts.
CREATE TABLE IF NOT EXISTS auditsync_migrations (
    version     bigint PRIMARY KEY,
    description text        NOT NULL,
    checksum    bytea       NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()
)
