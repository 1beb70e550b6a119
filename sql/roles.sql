-- Three roles, each with the least rights that its work needs:
--
--   auditsync_migrate  owns the tables, and changes them in `auditsync migrate`
--   auditsync_sync     reads and adds, changes only the ledger: it can't alter or delete an event
--   auditsync_read     reads, for dashboards, `auditsync status` and `auditsync check`
--
-- Run this file as the owner of the database, then `auditsync migrate` as auditsync_migrate, then
-- this file once more. It may run at any time, also when the tables exist already:
--
--   psql -v ON_ERROR_STOP=1 -f sql/roles.sql "$DATABASE_URL"
--
-- The roles have no password, so nobody can log in with one until you set it: `\password
-- auditsync_sync` in psql. The server must let the owner create roles. Heroku creates roles itself,
-- on plans that have them (`heroku pg:credentials:create --name auditsync_sync`). Existing roles
-- stay as they are. This file was tested on PostgreSQL's own server, as a superuser and as an owner
-- who is none, not on Heroku.

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

-- Before PostgreSQL 15, every role could create tables here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO auditsync_migrate;
GRANT USAGE ON SCHEMA public TO auditsync_sync, auditsync_read;

-- Only a member of a role may give it tables, or alter its default privileges.
GRANT auditsync_migrate TO CURRENT_USER;

-- Rights on tables that a later version adds.
ALTER DEFAULT PRIVILEGES FOR ROLE auditsync_migrate IN SCHEMA public
    GRANT SELECT, INSERT ON TABLES TO auditsync_sync;
ALTER DEFAULT PRIVILEGES FOR ROLE auditsync_migrate IN SCHEMA public
    GRANT SELECT ON TABLES TO auditsync_read;

-- Rights on the existing tables. By table, never by column, so a new column needs nothing here.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'audit_events_log', 'audit_events', 'audit_event_conflicts', 'audit_history', 'audit_seals',
        'audit_anchors', 'auditsync_migrations'
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
    -- Only the migrating role records which migrations ran.
    IF to_regclass('auditsync_migrations') IS NOT NULL THEN
        REVOKE INSERT ON auditsync_migrations FROM auditsync_sync;
    END IF;
    -- The function that seals. It runs with the rights of its caller, so only a role that may add
    -- seals needs it.
    IF to_regprocedure('auditsync_seal(text, text[])') IS NOT NULL THEN
        ALTER FUNCTION auditsync_seal(text, text[]) OWNER TO auditsync_migrate;
        REVOKE ALL ON FUNCTION auditsync_seal(text, text[])
            FROM PUBLIC, auditsync_sync, auditsync_read;
        GRANT EXECUTE ON FUNCTION auditsync_seal(text, text[]) TO auditsync_sync;
    END IF;
    -- The function of the guards. Its owner could replace it. Nobody else needs a right to it,
    -- because the triggers call it.
    IF to_regprocedure('auditsync_reject()') IS NOT NULL THEN
        ALTER FUNCTION auditsync_reject() OWNER TO auditsync_migrate;
        REVOKE ALL ON FUNCTION auditsync_reject() FROM PUBLIC, auditsync_sync, auditsync_read;
    END IF;
END
$$;
