-- The ledger: one row for each day that was ever due. A day is one UTC date of one source.
CREATE TABLE audit_events_log (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source        text        NOT NULL,
    process_date  date        NOT NULL,
    -- PENDING, PROCESSING, SUCCESS, FAILED or ERROR.
    status        varchar(20) NOT NULL,
    -- events_count, digest, scope and synced_at belong to the last complete reading, and are NULL
    -- until there is one. If synced_at is NULL, a count is that of the Python logger, which stored
    -- no events.
    events_count  integer,
    error_message text,
    -- The fencing number. Every claim increments it.
    attempt       integer     NOT NULL DEFAULT 0,
    -- The lease: who holds it, and until when by this server's clock.
    locked_by     text,
    locked_until  timestamptz,
    digest        bytea,
    -- Account, team and filter, as requested.
    scope         jsonb,
    -- When the last complete reading began. Every event that Heroku listed by then is stored.
    synced_at     timestamptz,
    settled_at    timestamptz,
    -- When its events were deleted by retention; NULL while they are stored.
    pruned_at     timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT audit_events_log_source_process_date_key UNIQUE (source, process_date)
);

CREATE INDEX idx_audit_events_log_status ON audit_events_log (status);
CREATE INDEX idx_audit_events_log_process_date_status ON audit_events_log (process_date, status);

-- The events. The record is their bytes as Heroku sent them: in event, or, if this database refuses
-- them as JSON, in event_raw with the reason. Every other column is derived from them.
CREATE TABLE audit_events (
    source           text        NOT NULL,
    process_date     date        NOT NULL,
    event_id         text        NOT NULL COLLATE "C",
    -- The attempt at the day that stored the row.
    attempt          integer     NOT NULL,
    created_at       timestamptz,
    type             text,
    action           text,
    actor_email      text,
    actor_id         text,
    app_name         text,
    app_id           text,
    team_name        text,
    team_id          text,
    owner_email      text,
    ip_address       inet,
    event            json,
    event_raw        bytea,
    event_raw_reason text,
    event_hash       bytea       NOT NULL,
    via              varchar(10) NOT NULL,
    first_seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, process_date, event_id),
    CONSTRAINT audit_events_bytes_stand_once CHECK (num_nonnulls(event, event_raw) = 1)
);

-- The events that are stored outside their own day, or that have no date. An id is one event across
-- all days of a source, so every insert queries this index. It is nearly empty.
CREATE INDEX idx_audit_events_outside_their_day ON audit_events (source, event_id)
    WHERE created_at IS NULL OR (created_at AT TIME ZONE 'UTC')::date <> process_date;

-- Answers `auditsync events`, newest first. An event without a time counts from the start of the
-- day that it is stored under. Events arrive nearly in this order, so the index grows at its end.
CREATE INDEX idx_audit_events_time ON audit_events
    ((coalesce(created_at, process_date::timestamp AT TIME ZONE 'UTC')));

-- Conflicts: the same id with other bytes. The first event is in audit_events, all others are here.
CREATE TABLE audit_event_conflicts (
    source           text        NOT NULL,
    process_date     date        NOT NULL,
    event_id         text        NOT NULL COLLATE "C",
    event_hash       bytea       NOT NULL,
    attempt          integer     NOT NULL,
    event            json,
    event_raw        bytea,
    event_raw_reason text,
    seen_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, process_date, event_id, event_hash),
    CONSTRAINT audit_event_conflicts_bytes_stand_once CHECK (num_nonnulls(event, event_raw) = 1)
);

-- The history of each day: attempts, takeovers, resets, cleanups, comparisons with an archive, and
-- what confirmed an empty day. Rows are added and never changed.
CREATE TABLE audit_history (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_id       uuid        NOT NULL,
    source       text        NOT NULL,
    process_date date        NOT NULL,
    attempt      integer     NOT NULL,
    action       text        NOT NULL,
    outcome      text        NOT NULL,
    events       integer,
    new_events   integer,
    -- If the day was complete before: the events that were first seen since then.
    late_events  integer,
    requests     integer,
    retries      integer,
    duration_ms  bigint,
    message      text,
    "by"         text        NOT NULL
);

CREATE INDEX idx_audit_history_source_process_date ON audit_history (source, process_date, id);

-- Lets `status` find late events without reading the entire history.
CREATE INDEX idx_audit_history_late ON audit_history (source) WHERE late_events > 0;

-- The chain of seals: each is the SHA-256 of its text, which names the seal before it. The text is
-- the record; docs/evidence.md has its form. The other columns are derived from it, for queries.
CREATE TABLE audit_seals (
    seq          bigint      PRIMARY KEY,
    prev         bytea       UNIQUE,
    seal         bytea       NOT NULL UNIQUE,
    sealed       text        NOT NULL,
    -- genesis, baseline, day, reset, prune or key.
    kind         text        NOT NULL,
    source       text,
    process_date date,
    attempt      integer,
    events_count integer,
    digest       bytea,
    sealed_at    timestamptz NOT NULL,
    CONSTRAINT audit_seals_begin_once CHECK ((seq = 1) = (prev IS NULL))
);

-- Finds the seals of a day.
CREATE INDEX idx_audit_seals_source_process_date ON audit_seals (source, process_date, seq);

-- Finds the key that signs checkpoints at present. Such seals are rare.
CREATE INDEX idx_audit_seals_keys ON audit_seals (seq) WHERE kind = 'key';

-- What was recorded of the chain for readers elsewhere: signed checkpoints and timestamps. `edge`
-- rows hold the right edge of the tree of seals, so that a run need not read the entire chain.
CREATE TABLE audit_anchors (
    -- The seal up to which the anchor vouches for the chain.
    seq    bigint      NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- checkpoint, timestamp or edge.
    kind   text        NOT NULL,
    anchor bytea       NOT NULL,
    PRIMARY KEY (seq, kind, at)
);

-- Adds a seal to the chain and returns its text. `fields` are the text's fields in their order,
-- without the format and the four that are added here: log, seq, prev and sealed_at. Only the
-- first seal needs `new_log`.
--
-- The lock makes one session at a time append, until its transaction ends, so call this last. A
-- statement of a VOLATILE function begins with a new snapshot, in READ COMMITTED, so it sees what
-- the lock waited for.
CREATE FUNCTION auditsync_seal(new_log text, fields text[]) RETURNS text
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    head   record;
    log    text;
    at     timestamptz;
    sealed text;
BEGIN
    PERFORM pg_advisory_xact_lock(7022629598042219873);
    SELECT s.seq, s.seal, s.sealed INTO head FROM audit_seals AS s ORDER BY s.seq DESC LIMIT 1;
    IF head.seq IS NULL AND fields[1] <> 'genesis' THEN
        RAISE EXCEPTION 'the chain of seals has no beginning: the table audit_seals is empty'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- The first two fields have fixed lengths: 17:auditsync-seal-v1,32:…,
    log := coalesce(substr(head.sealed, 25, 32), new_log);
    at := clock_timestamp();
    SELECT string_agg(octet_length(field) || ':' || field || ',', '' ORDER BY place)
    INTO STRICT sealed
    FROM unnest(
        ARRAY['auditsync-seal-v1', log, (coalesce(head.seq, 0) + 1)::text,
              coalesce(encode(head.seal, 'hex'), '')]
        || fields[1:11]
        || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || fields[12:13]
    ) WITH ORDINALITY AS of_text (field, place);
    INSERT INTO audit_seals (seq, prev, seal, sealed, kind, source, process_date, attempt,
                             events_count, digest, sealed_at)
    VALUES (coalesce(head.seq, 0) + 1, head.seal, sha256(convert_to(sealed, 'UTF8')), sealed,
            fields[1], nullif(fields[2], ''), nullif(fields[3], '')::date,
            nullif(fields[4], '')::integer, nullif(fields[6], '')::integer,
            decode(nullif(fields[7], ''), 'hex'), at);
    RETURN sealed;
END
$$;

-- The unsettled days. They are few, because most days settle soon. Rechecks are among them.
CREATE INDEX idx_audit_events_log_unsettled ON audit_events_log (source, process_date)
    WHERE settled_at IS NULL;

-- The pruned days, which are settled. `status` names them among the settled days.
CREATE INDEX idx_audit_events_log_pruned ON audit_events_log (source, process_date)
    WHERE pruned_at IS NOT NULL;

-- The days without events, which `status` compares with what confirms them.
CREATE INDEX idx_audit_events_log_empty ON audit_events_log (source, process_date)
    WHERE events_count = 0;

-- Counts the days and events of each source without reading the table.
CREATE INDEX idx_audit_events_log_counts ON audit_events_log (source, process_date)
    INCLUDE (events_count);

-- Finds whether a source has days of another scope than its present one. Equal entries are stored
-- once.
CREATE INDEX idx_audit_events_log_scope ON audit_events_log (source, md5(scope::text));

-- The guards prevent mistakes, not intent. Each fires once for a statement, so they cost inserts
-- nothing. docs/operating.md says how the owner switches them off for one transaction.
CREATE FUNCTION auditsync_reject() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION
        '% on % is rejected, because auditsync never deletes or changes what it recorded. %',
        TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'restrict_violation',
              HINT = 'docs/operating.md says how the owner of the table switches this guard off '
                   'for one transaction.';
END
$$;

CREATE TRIGGER audit_events_log_guard BEFORE DELETE OR TRUNCATE ON audit_events_log
    FOR EACH STATEMENT EXECUTE FUNCTION auditsync_reject(
        'To read a day again, run `auditsync reset --source NAME DATE`: '
        'it keeps the day''s events.');
CREATE TRIGGER audit_events_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION auditsync_reject(
        'To read a day again, run `auditsync reset --source NAME DATE`: '
        'it keeps the day''s events.');
CREATE TRIGGER audit_event_conflicts_guard
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event_conflicts
    FOR EACH STATEMENT EXECUTE FUNCTION auditsync_reject(
        'A conflict is evidence, so leave it. To read its day again, run '
        '`auditsync reset --source NAME DATE`.');
CREATE TRIGGER audit_history_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_history
    FOR EACH STATEMENT EXECUTE FUNCTION auditsync_reject(
        'The history is append-only. To record why something was done, use `--reason` and `--by` '
        'of reset and cleanup.');
CREATE TRIGGER audit_seals_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION auditsync_reject(
        'A seal proves the days before it, so leave it. To read a day again, run '
        '`auditsync reset --source NAME DATE`.');
CREATE TRIGGER audit_anchors_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchors
    FOR EACH STATEMENT EXECUTE FUNCTION auditsync_reject(
        'An anchor is evidence, so leave it. To read a day again, run '
        '`auditsync reset --source NAME DATE`.');
