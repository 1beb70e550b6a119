-- What stands in this database: our list of migrations, and a ledger with or without a source.
SELECT to_regclass('auditsync_migrations') IS NOT NULL AS migrations,
       to_regclass('audit_events_log') IS NOT NULL AS ledger,
       EXISTS (
           SELECT FROM pg_attribute
           WHERE attrelid = to_regclass('audit_events_log')
             AND attname = 'source'
             AND NOT attisdropped
       ) AS ledger_has_source
