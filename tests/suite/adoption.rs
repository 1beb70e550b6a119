//! Migrating from the Python logger: its table becomes the ledger in place, or stays as it was.

use std::sync::Arc;

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};

use crate::support::pooler::Pooler;
use crate::support::proxy::{Blow, Proxy, When};
use crate::support::python_logger::TABLE;
use crate::support::{ACME, DAY, THREE_ACCOUNTS_AND_A_TEAM, World, day, truth, wait_for};

/// The table that Alembic adds.
const ALEMBIC: &str = "
    CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    );
    INSERT INTO alembic_version VALUES ('0001');";

/// One row in each status, and one without times.
const ROWS: &str = "
    INSERT INTO audit_events_log (process_date, status, events_count, error_message, created_at,
    updated_at) VALUES
        ('2024-09-23', 'SUCCESS', 7, NULL, NULL, NULL),
        ('2024-09-24', 'SUCCESS', 450, NULL, '2024-09-25 00:30:01.5', '2024-09-25 00:30:02'),
        ('2024-09-25', 'PENDING', 0, NULL, '2024-09-26 00:30:01', NULL),
        ('2024-09-26', 'PROCESSING', 0, NULL, '2024-09-27 00:30:01', '2024-09-27 00:30:01'),
        ('2024-09-27', 'ERROR', 0, 'Process was stuck and cleaned up', '2024-09-28 00:30:01',
        '2024-09-29 00:30:01'),
        ('2024-09-28', 'FAILED', 0, 'API request failed with status 503', '2024-09-29 00:30:01',
        '2024-09-29 00:30:31');";

/// The days that are due afterwards, with their messages.
const ADOPTED_ROWS: &str = "2024-09-23|SUCCESS|7|
2024-09-24|SUCCESS|450|
2024-09-25|PENDING||
2024-09-26|PENDING||
2024-09-27|ERROR||Process was stuck and cleaned up
2024-09-28|PENDING||API request failed with status 503";

const ROWS_AS_TEXT: &str = "SELECT process_date, status, events_count, error_message \
    FROM audit_events_log ORDER BY process_date";

/// Every column, index, constraint and guard of ours. Only the order of columns may differ.
pub(crate) const SHAPE: &str = "
    SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull,
    attidentity, attcollation,
           pg_get_expr(adbin, adrelid)
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid::regclass::text LIKE 'audit%' AND attnum > 0 AND NOT attisdropped
    ORDER BY 1, 2;
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text LIKE 'audit%' ORDER BY 1;
    SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'audit%' ORDER BY 1;
    SELECT relname FROM pg_class WHERE relkind = 'S' ORDER BY 1;
    SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
    SELECT proname, prosrc, proconfig FROM pg_proc WHERE proname LIKE 'auditsync%';
    SELECT version, description, checksum FROM auditsync_migrations ORDER BY 1";

/// A world whose database the Python logger has used.
pub(crate) fn after_the_python_logger(sources: &str) -> World {
    let world = World::new(sources);
    world.sql(&format!("{TABLE}{ALEMBIC}{ROWS}"));
    world
}

fn shape_of_a_new_database() -> String {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql(SHAPE)
}

#[test]
fn a_dry_run_says_what_adoption_would_do_and_changes_nothing() {
    let world = after_the_python_logger(ACME);
    let before = world.dump();
    let rehearsal = world.run("migrate --dry-run");
    assert_eq!(rehearsal.status, 0, "{rehearsal:#?}");
    assert_eq!(
        rehearsal.stdout.lines().take(7).collect::<Vec<_>>(),
        [
            "Would adopt the Python logger's table: 6 days of acme.",
            "    3 due      the next `auditsync` reads them",
            "    1 ERROR    due within `catch_up_days`; `--from` and `--to` read older ones",
            "    2 SUCCESS  adopted, 2024-09-23..2024-09-24: the logger called them complete, but \
             stored no events",
            "               `auditsync reset --source acme DATE…` makes one of them due",
            "               `migrate --reread` makes all of them due",
            "Would apply 0001 ledger and events.",
        ]
    );
    assert_eq!(world.dump(), before);
}

#[test]
fn adoption_keeps_rows_utc_times_and_indexes_and_makes_unread_days_due() {
    let world = after_the_python_logger(ACME);
    world.sql(&format!("ALTER DATABASE {} SET timezone = 'Asia/Tokyo'", world.database.name()));
    let alembic = "SELECT version_num FROM alembic_version";
    let indexes = "SELECT indexdef FROM pg_indexes WHERE indexname IN
                   ('idx_audit_events_log_status', 'idx_audit_events_log_process_date_status')
                   ORDER BY 1";
    let (version, old_indexes) = (world.sql(alembic), world.sql(indexes));

    let adoption = world.run("migrate");
    assert_eq!(adoption.status, 0, "{adoption:#?}");
    assert!(
        adoption.stdout.starts_with("Adopted the Python logger's table: 6 days"),
        "{}",
        adoption.stdout
    );
    assert_eq!(world.sql(ROWS_AS_TEXT), ADOPTED_ROWS);
    let times =
        "SELECT created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC' FROM audit_events_log
                 WHERE process_date IN ('2024-09-24', '2024-09-25') ORDER BY process_date";
    assert_eq!(
        world.sql(times),
        "2024-09-25 00:30:01.5|2024-09-25 00:30:02\n2024-09-26 00:30:01|2024-09-26 00:30:01"
    );
    let ids = "SELECT array_agg(id ORDER BY process_date), bool_and(source = 'acme'
        AND attempt = 0 AND digest IS NULL
                      AND synced_at IS NULL) FROM audit_events_log";
    assert_eq!(world.sql(ids), "{1,2,3,4,5,6}|t");
    assert_eq!(world.sql(SHAPE), shape_of_a_new_database());
    assert_eq!((world.sql(alembic), world.sql(indexes)), (version, old_indexes));
    let history =
        "SELECT process_date, attempt, action, outcome, events, message FROM audit_history
                   WHERE process_date IN ('2024-09-24', '2024-09-28') ORDER BY id";
    assert_eq!(
        world.sql(history),
        "2024-09-24|0|adopt|success|450|was SUCCESS in the Python logger's table, which holds no \
         events\n\
         2024-09-28|0|adopt|pending|0|was FAILED in the Python logger's table, which holds no \
         events: \
         API request failed with status 503"
    );

    let before = world.dump();
    assert_eq!(world.run("migrate").stdout, "The schema is up to date.\n");
    assert_eq!(
        world.run("migrate --adopt-as acme --dry-run").stdout,
        "The schema is up to date.\n"
    );
    assert_eq!(world.dump(), before);
}

#[test]
fn after_adoption_a_sync_reads_unread_days_and_the_logger_can_not_write() {
    let world = after_the_python_logger(ACME);
    assert_eq!(world.run("migrate").status, 0);
    let report = world.sync("", 0);
    for date in ["2024-09-25", "2024-09-26", DAY] {
        let row = day(&report, "acme", date);
        assert_eq!(
            (&row["outcome"], &row["attempt"], &row["late_events"]),
            (&"synced".into(), &1.into(), &0.into())
        );
    }
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    // These days are older than `catch_up_days`, so they are read when named. That includes a day
    // with the old logger's SUCCESS.
    let report = world.sync("--from 2024-09-24 --to 2024-09-27", 0);
    assert_eq!(day(&report, "acme", "2024-09-27")["outcome"], "synced");
    assert_eq!(day(&report, "acme", "2024-09-24")["outcome"], "synced");

    let insert = "INSERT INTO audit_events_log (process_date, status, events_count, created_at,
        updated_at)
                  VALUES ('2024-09-29', 'PROCESSING', 0, now() AT TIME ZONE 'UTC',
                  now() AT TIME ZONE 'UTC')";
    let refused = world.database.psql(insert).expect_err("a row without a source").to_string();
    assert!(refused.contains("null value in column \"source\""), "{refused}");
}

#[test]
fn with_reread_the_days_that_the_old_logger_called_success_are_due_too() {
    let world = after_the_python_logger(ACME);
    let adoption = world.run("migrate --reread --output json");
    assert_eq!(adoption.status, 0, "{adoption:#?}");
    let adopted = &adoption.json()["adoption"];
    assert_eq!(
        (&adopted["days_adopted"], &adopted["days_due"], &adopted["days_unproven"]),
        (&6.into(), &5.into(), &0.into())
    );
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme", "2024-09-24")["outcome"], "synced");
}

#[test]
fn with_several_sources_adoption_must_name_the_owner_of_the_days() {
    let world = after_the_python_logger(THREE_ACCOUNTS_AND_A_TEAM);
    let before = world.dump();
    for (command, said) in [
        (
            "migrate",
            "`auditsync migrate --adopt-as NAME --dry-run`, where NAME is one of acme, globex, \
             initech, team-a",
        ),
        ("migrate --dry-run", "--adopt-as NAME"),
        ("migrate --adopt-as amce", "did you mean `acme`"),
        ("migrate --adopt-as nobody --dry-run", "nobody"),
    ] {
        let refused = world.run(command);
        assert_eq!(refused.status, 2, "{command}: {refused:#?}");
        assert!(refused.stderr.contains(said), "{command}: {refused:#?}");
    }
    assert_eq!(world.dump(), before);

    assert_eq!(world.run("migrate --adopt-as globex").status, 0);
    assert_eq!(world.sql("SELECT DISTINCT source FROM audit_events_log"), "globex");
}

#[test]
fn no_other_command_adopts_or_touches_the_table() {
    let world = after_the_python_logger(ACME);
    let before = world.dump();
    for command in ["", "--dry-run", "status", "cleanup", "reset --source acme 2024-09-28"] {
        let refused = world.run(command);
        assert_eq!(refused.status, 3, "{command}: {refused:#?}");
        assert!(
            refused.stderr.contains("`auditsync migrate --dry-run`"),
            "{command}: {refused:#?}"
        );
        assert!(refused.stderr.contains("--adopt-as NAME"), "{command}: {refused:#?}");
    }
    assert_eq!(world.dump(), before);
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn small_differences_do_not_matter_and_extra_columns_stay() {
    let world = World::new(ACME);
    world.sql(
        "CREATE TABLE audit_events_log (
             id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, process_date date,
             status text, events_count bigint,
             error_message varchar(2000), created_at timestamptz, updated_at timestamp,
             operator text NOT NULL
         );
         CREATE UNIQUE INDEX ix_audit_events_log_process_date ON audit_events_log (process_date);
         INSERT INTO audit_events_log (process_date, status, events_count, created_at, operator)
         VALUES ('2024-09-24', 'SUCCESS', 450, '2024-09-25 00:30+00', 'ada')",
    );
    let adoption = world.run("migrate");
    assert_eq!(adoption.status, 0, "{adoption:#?}");
    let kept = "SELECT operator, events_count, created_at = '2024-09-25 00:30+00', \
        updated_at = created_at FROM audit_events_log";
    assert_eq!(world.sql(kept), "ada|450|t|t");
    world.sql("ALTER TABLE audit_events_log DROP COLUMN operator");
    assert_eq!(world.sql(SHAPE), shape_of_a_new_database());
    world.sync("--date 2024-09-28", 0);

    let world = World::new(ACME);
    world.sql(&format!("{TABLE}{ALEMBIC}"));
    assert!(world.run("migrate").stdout.contains("0 days of acme"), "an empty table");
    world.sync("--date 2024-09-28", 0);
}

#[test]
fn adoption_works_through_a_pooler_whose_address_the_file_names() {
    let cluster = Arc::new(Cluster::builder().start().expect("a cluster"));
    let pooler = Pooler::start(&cluster, &format!("host={}", cluster.socket_dir().display()), 1);
    let sources = format!("[database]\nurl_env = \"DATABASE_CONNECTION_POOL_URL\"\n{ACME}");
    let mut world =
        World::on(Database::on(&cluster).expect("a database"), Fixtures::committed(), &sources);
    world.set("DATABASE_CONNECTION_POOL_URL", &pooler.url(world.database.name()));
    world.unset("DATABASE_URL");
    world.sql(&format!("{TABLE}{ALEMBIC}{ROWS}"));
    assert_eq!(world.run("migrate --dry-run").status, 0);
    assert_eq!(world.run("migrate").status, 0);
    assert_eq!(world.sql(ROWS_AS_TEXT), ADOPTED_ROWS);
    world.sync("", 0);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn a_table_that_can_not_be_adopted_stays_and_the_dry_run_says_so() {
    let world = after_the_python_logger(ACME);
    world.sql(
        "ALTER TABLE audit_events_log DROP CONSTRAINT audit_events_log_process_date_key;
         INSERT INTO audit_events_log (process_date, status) VALUES ('2024-09-24', 'FAILED')",
    );
    let before = world.dump();
    for command in ["migrate --dry-run", "migrate"] {
        let refused = world.run(command);
        assert_eq!(refused.status, 3, "{command}: {refused:#?}");
        assert!(
            refused.stderr.contains("adopt the Python logger's table"),
            "{command}: {refused:#?}"
        );
        assert!(
            refused.stderr.contains("could not create unique index"),
            "{command}: {refused:#?}"
        );
    }
    assert_eq!(world.dump(), before);
}

#[test]
fn a_role_that_does_not_own_the_table_exits_3_with_that_reason() {
    let world = after_the_python_logger(ACME);
    let role = format!("stranger_{}", world.database.name());
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let before = world.dump();
    let url = world.database.url().replace("postgres@", &format!("{role}@"));
    let refused = world.run(&format!("migrate --database-url {url}"));
    assert_eq!(refused.status, 3, "{refused:#?}");
    assert!(refused.stderr.contains("must be owner of table audit_events_log"), "{refused:#?}");
    assert_eq!(world.dump(), before);
}

#[test]
fn of_two_adoptions_at_once_the_second_finds_nothing_to_do() {
    let world = after_the_python_logger(ACME);
    let mut reader = world.session(world.database.url());
    reader.ask("BEGIN; SELECT count(*) FROM audit_events_log");
    let both = [world.spawn("migrate"), world.spawn("migrate")];
    let waiting =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('relation', 'advisory')
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_for("one to wait for the reader, and one for the other", || world.sql(waiting) == "2");
    assert_eq!(
        reader.ask(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'audit_events_log'::regclass \
             AND attname = 'source'"
        ),
        "0"
    );
    reader.ask("COMMIT");
    let mut outputs = both.map(|run| run.wait().stdout);
    outputs.sort();
    assert!(outputs[0].starts_with("Adopted the Python logger's table: 6 days"), "{}", outputs[0]);
    assert_eq!(
        outputs[1],
        "The schema is up to date.
"
    );
    assert_eq!(world.sql(ROWS_AS_TEXT), ADOPTED_ROWS);
}

#[test]
fn an_adoption_killed_or_cut_at_any_step_is_complete_or_absent() {
    let mut world = after_the_python_logger(&format!("[database]\nmax_connections = 1\n{ACME}"));
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    assert_eq!(world.run("migrate").status, 0);
    let steps = proxy.steps().len();
    let undo = format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {TABLE}{ALEMBIC}{ROWS}");
    world.sql(&undo);
    let before = world.dump();

    let mut done = 0;
    for (n, when) in (1..=steps).flat_map(|n| [(n, When::Before), (n, When::After)]) {
        world.sql(&undo);
        proxy.forget();
        proxy.strike(n, "", when, Blow::Kill);
        let run = world.spawn("migrate");
        proxy.program_is(run.child.id());
        assert_eq!(run.wait().status, -9, "step {n}, {when:?}");
        if world.sql("SELECT to_regclass('audit_history') IS NULL") == "t" {
            assert_eq!(world.dump(), before, "step {n}, {when:?}");
        } else {
            assert_eq!(world.sql(ROWS_AS_TEXT), ADOPTED_ROWS, "step {n}, {when:?}");
            done += 1;
        }
        proxy.forget();
        assert_eq!(world.run("migrate").status, 0, "step {n}, {when:?}");
        assert_eq!(world.sql(ROWS_AS_TEXT), ADOPTED_ROWS, "step {n}, {when:?}");

        // A run that only loses its connection continues and reports what it did, even if the
        // answer to its commit was lost.
        world.sql(&undo);
        proxy.strike(n, "", when, Blow::Cut);
        let run = world.run("migrate");
        assert!(proxy.has_struck() && run.status == 0, "step {n}, {when:?}: {run:#?}");
        assert!(
            run.stdout.starts_with("Adopted the Python logger's table: 6 days"),
            "step {n}, {when:?}: {run:#?}"
        );
        assert_eq!(world.sql(ROWS_AS_TEXT), ADOPTED_ROWS, "step {n}, {when:?}");
    }
    assert!(done > 0 && done < steps, "{done} of {steps} steps came after the commit");
}
