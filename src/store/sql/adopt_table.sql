-- Turns the Python logger's table into the ledger. Its rows, indexes, further columns and rights
-- stay. Its times have no zone and are UTC, whatever the session's zone is.
SELECT set_config('timezone', 'UTC', true);

DO $$
DECLARE
    ledger   CONSTANT regclass := 'audit_events_log';
    date     CONSTANT smallint := (SELECT attnum FROM pg_attribute
                                   WHERE attrelid = ledger AND attname = 'process_date');
    numbered CONSTANT text     := pg_get_serial_sequence(ledger::text, 'id');
    name     text;
BEGIN
    -- A date alone is no longer unique. SQLAlchemy makes either a constraint or an index for that.
    FOR name IN
        SELECT conname FROM pg_constraint
        WHERE conrelid = ledger AND contype = 'u' AND conkey = ARRAY[date]
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', ledger, name);
    END LOOP;
    FOR name IN
        SELECT indexrelid::regclass FROM pg_index
        WHERE indrelid = ledger AND indisunique AND NOT indisprimary
          AND indkey::text = date::text
    LOOP
        EXECUTE format('DROP INDEX %s', name);
    END LOOP;

    -- A further column that every row must fill would reject our rows.
    FOR name IN
        SELECT attname FROM pg_attribute
        WHERE attrelid = ledger AND attnum > 0 AND NOT attisdropped
          AND attnotnull AND NOT atthasdef AND attidentity = ''
          AND attname NOT IN ('id', 'process_date', 'status')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', ledger, name);
    END LOOP;

    ALTER TABLE audit_events_log ALTER COLUMN id DROP IDENTITY IF EXISTS;
    ALTER TABLE audit_events_log ALTER COLUMN id DROP DEFAULT;
    IF numbered IS NOT NULL THEN
        EXECUTE format('DROP SEQUENCE IF EXISTS %s', numbered);
    END IF;
    ALTER TABLE audit_events_log ALTER COLUMN id TYPE bigint;
    ALTER TABLE audit_events_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;
    PERFORM setval(pg_get_serial_sequence(ledger::text, 'id'), max(id)) FROM audit_events_log;
END
$$;

ALTER TABLE audit_events_log
    ALTER COLUMN process_date TYPE date,
    ALTER COLUMN status TYPE varchar(20),
    ALTER COLUMN events_count TYPE integer,
    ALTER COLUMN events_count DROP DEFAULT,
    ALTER COLUMN events_count DROP NOT NULL,
    ALTER COLUMN error_message TYPE text,
    ALTER COLUMN error_message DROP NOT NULL,
    ALTER COLUMN created_at TYPE timestamptz,
    ALTER COLUMN created_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN updated_at TYPE timestamptz,
    ALTER COLUMN updated_at SET DEFAULT clock_timestamp(),
    ADD COLUMN source text,
    ADD COLUMN attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN locked_by text,
    ADD COLUMN locked_until timestamptz,
    ADD COLUMN digest bytea,
    ADD COLUMN scope jsonb,
    ADD COLUMN synced_at timestamptz,
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN pruned_at timestamptz;
