INSERT INTO auditsync_migrations (version, description, checksum)
VALUES ($1, $2, $3)
RETURNING pg_current_xact_id()::text AS xact
