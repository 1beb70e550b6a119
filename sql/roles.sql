-- Three roles, each with the least that its work needs:
--
--   auditsync_migrate  owns the tables, and changes them in `auditsync migrate`
--   auditsync_sync     reads and adds, and changes nothing but the ledger: it can't alter or delete an event
--   auditsync_read     reads, for dashboards, `auditsync status` and `auditsync check`
--
-- Run it as the owner of the database, then `auditsync migrate` as auditsync_migrate, then this file once more. It may
-- be run at any time, also over tables that are there already:
--
--   psql -v ON_ERROR_STOP=1 -f sql/roles.sql "$DATABASE_URL"
--
-- The roles have no password, so nobody enters as them by one until you set it: `\password auditsync_sync` in psql. It
-- wants a server where the owner may create roles. Heroku creates them by itself, on plans that have it
-- (`heroku pg:credentials:create --name auditsync_sync`); those that are there already are taken as they are. It was tried
-- on PostgreSQL's own server, as a superuser and as an owner who is none, and not on Heroku.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['auditsync_migrate', 'auditsync_sync', 'auditsync_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
    END LOOP;
END
$$;

-- Before PostgreSQL 15 anybody could create tables here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO auditsync_migrate;
GRANT USAGE ON SCHEMA public TO auditsync_sync, auditsync_read;

-- To give tables to a role, and to say what its tables are like, one has to be in it.
GRANT auditsync_migrate TO CURRENT_USER;

-- Tables that a later version adds can be read and added to from the start.
ALTER DEFAULT PRIVILEGES FOR ROLE auditsync_migrate IN SCHEMA public
    GRANT SELECT, INSERT ON TABLES TO auditsync_sync;
ALTER DEFAULT PRIVILEGES FOR ROLE auditsync_migrate IN SCHEMA public
    GRANT SELECT ON TABLES TO auditsync_read;

-- Those that are there. By table, never by column, so that a column that is added later needs nothing here.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'audit_events_log', 'audit_events', 'audit_event_conflicts', 'audit_seals', 'audit_history', 'auditsync_migrations'
    ] LOOP
        CONTINUE WHEN to_regclass(name) IS NULL;
        EXECUTE format('ALTER TABLE %I OWNER TO auditsync_migrate', name);
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, auditsync_sync, auditsync_read', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO auditsync_sync', name);
        EXECUTE format('GRANT SELECT ON %I TO auditsync_read', name);
    END LOOP;
    IF to_regclass('audit_events_log') IS NOT NULL THEN
        GRANT UPDATE ON audit_events_log TO auditsync_sync;
    END IF;
    -- Only who migrates says which migrations ran.
    IF to_regclass('auditsync_migrations') IS NOT NULL THEN
        REVOKE INSERT ON auditsync_migrations FROM auditsync_sync;
    END IF;
    -- The function of the guards. Its owner could replace it, and no one else needs a right to it: the triggers call it.
    IF to_regprocedure('auditsync_reject()') IS NOT NULL THEN
        ALTER FUNCTION auditsync_reject() OWNER TO auditsync_migrate;
        REVOKE ALL ON FUNCTION auditsync_reject() FROM PUBLIC, auditsync_sync, auditsync_read;
    END IF;
END
$$;
