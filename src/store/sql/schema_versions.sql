SELECT version, checksum
FROM auditsync_migrations
ORDER BY version
