-- Finds out what this database has: our list of migrations, and a ledger with or without a source.
-- The columns tell the Python logger's ledger from another program's table of that name.
SELECT to_regclass('auditsync_migrations') IS NOT NULL AS migrations,
       to_regclass('audit_events_log') IS NOT NULL AS ledger,
       'source' = ANY (columns) AS ledger_has_source,
       columns @> '{id,process_date,status,events_count,error_message,created_at,updated_at}'
           AND to_regclass('auditsync_migrations') IS NULL AS ledger_is_the_python_loggers,
       -- The result may be incomplete, or writes may fail: look closer.
       current_setting('server_encoding') <> 'UTF8'
           OR coalesce(row_security_active(to_regclass('auditsync_migrations')), false)
           OR coalesce(row_security_active(to_regclass('audit_events_log')), false)
           OR coalesce(row_security_active(to_regclass('audit_events')), false)
           OR coalesce(row_security_active(to_regclass('audit_event_conflicts')), false)
           OR coalesce(row_security_active(to_regclass('audit_history')), false)
           OR coalesce(row_security_active(to_regclass('audit_seals')), false)
           OR coalesce(row_security_active(to_regclass('audit_anchors')), false) AS may_hide_rows
FROM (
    SELECT coalesce(array_agg(attname::text), '{}') AS columns
    FROM pg_attribute
    WHERE attrelid = to_regclass('audit_events_log')
      AND attnum > 0
      AND NOT attisdropped
) AS of_the_ledger
