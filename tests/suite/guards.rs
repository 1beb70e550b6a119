//! The guards: triggers that reject statements which would delete or change records by mistake,
//! wherever the tables come from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};

use crate::adoption::after_the_python_logger;
use crate::support::{ACME, DAY, World, day, truth};

/// The tables with a guard, and whether their rows may be updated.
const TABLES: [(&str, bool); 6] = [
    ("audit_events_log", true),
    ("audit_events", false),
    ("audit_event_conflicts", false),
    ("audit_history", false),
    ("audit_seals", false),
    ("audit_anchors", false),
];

/// Every kind of slip in psql, with `{T}` in place of the table and `{C}` of a column.
const DELETES: [&str; 7] = [
    "DELETE FROM {T}",
    "DELETE FROM {T} WHERE false",
    "DELETE FROM ONLY {T} WHERE {C} = 'acme'",
    "WITH gone AS (DELETE FROM {T} RETURNING 1) SELECT count(*) FROM gone",
    "TRUNCATE {T}",
    "TRUNCATE TABLE ONLY {T} RESTART IDENTITY CASCADE",
    "DELETE FROM {T} USING pg_class WHERE {T}.{C} = relname",
];
const UPDATES: [&str; 4] = [
    "UPDATE {T} SET {C} = {C}",
    "UPDATE {T} SET {C} = 'other' WHERE false",
    "WITH changed AS (UPDATE {T} SET {C} = 'other' RETURNING 1) SELECT count(*) FROM changed",
    "UPDATE ONLY {T} SET {C} = 'other' WHERE {C} = 'nobody'",
];

/// Every statement that a guard rejects.
fn slips() -> Vec<String> {
    let mut slips = Vec::new();
    for (table, may_update) in TABLES {
        let updates: &[&str] = if may_update { &[] } else { &UPDATES };
        let column = if table == "audit_anchors" { "kind" } else { "source" };
        let of_table = |slip: &&str| slip.replace("{T}", table).replace("{C}", column);
        slips.extend(DELETES.iter().chain(updates).map(of_table));
    }
    slips.push("TRUNCATE audit_events, audit_event_conflicts".to_owned());
    slips.push(
        "INSERT INTO audit_events SELECT * FROM audit_events
         ON CONFLICT (source, process_date, event_id) DO UPDATE SET type = 'other'"
            .to_owned(),
    );
    slips
}

/// Checks that each slip is rejected with a helpful message and changes nothing.
fn assert_guarded(database: &Database) {
    for slip in slips() {
        let said = database
            .psql(&slip)
            .map_or_else(|error| error.to_string(), |_| panic!("{slip} was not rejected"));
        assert!(
            said.contains(
                "is rejected, because auditsync never deletes or changes what it recorded"
            ),
            "{slip}: {said}"
        );
        assert!(said.contains("`auditsync reset") || said.contains("`--reason`"), "{slip}: {said}");
        assert!(said.contains("docs/operating.md"), "{slip}: {said}");
    }
    let rows = "SELECT (SELECT count(*) FROM audit_events_log), \
        (SELECT count(*) FROM audit_events), (SELECT count(*) FROM audit_history)";
    assert_ne!(database.psql(rows).expect("counts"), "0|0|0");
}

/// A world whose day was synced.
fn synced() -> World {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world
}

#[test]
fn a_slip_on_any_table_is_rejected_with_what_to_do_instead() {
    let world = synced();
    let before = world.dump();
    assert_guarded(&world.database);
    assert_eq!(world.dump(), before);
    let merge = "MERGE INTO audit_events USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE";
    if world.sql("SELECT current_setting('server_version_num')::int >= 150000") == "t" {
        assert!(
            world.database.psql(merge).expect_err("a guard").to_string().contains("is rejected")
        );
    }
    // The list of schema versions needs no guard.
    world
        .database
        .psql("UPDATE auditsync_migrations SET description = description")
        .expect("no guard");
    assert_eq!(world.dump(), before);
}

#[test]
fn every_table_except_the_migrations_has_a_guard() {
    let world = synced();
    let guarded = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
                   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                     AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid
                     AND tgname = relname || '_guard')";
    let mut expected = TABLES.map(|(table, _)| table);
    expected.sort_unstable();
    assert_eq!(world.sql(guarded), expected.join(" "));
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' \
        AND tablename <> 'auditsync_migrations'";
    assert_eq!(world.sql(tables), expected.len().to_string(), "a new table needs a guard");
}

#[test]
fn an_owner_who_is_not_a_superuser_is_stopped_too() {
    let world = synced();
    let (mut owner, _) = with_owner(&world);
    let refused = owner.try_ask("DELETE FROM audit_events").expect_err("a guard");
    assert!(refused.contains("DELETE on audit_events is rejected"), "{refused}");
}

/// A session of a role that only owns the tables and the function, and its address.
fn with_owner(world: &World) -> (crate::support::Session, String) {
    let role = format!("owner_{}", world.database.name());
    let tables = TABLES.map(|(table, _)| format!("ALTER TABLE {table} OWNER TO {role};")).concat();
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; {tables}
         ALTER TABLE auditsync_migrations OWNER TO {role};
         ALTER FUNCTION auditsync_reject() OWNER TO {role};"
    ));
    let url = world.database.url().replace("postgres@", &format!("{role}@"));
    (world.session(&url), url)
}

/// The statements in the documentation, from the first block on that mentions this guard.
fn documented(guard: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let text = std::fs::read_to_string(path).expect("the page");
    let section = text
        .split("\n## ")
        .find(|section| section.starts_with("Switch the guards off"))
        .expect("the section");
    let blocks = section.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains(guard));
    block.expect("statements").to_owned()
}

#[test]
fn the_documented_lines_switch_a_guard_off_for_one_transaction() {
    let world = synced();
    let (mut owner, url) = with_owner(&world);
    let statements = documented("audit_events_guard");
    assert!(
        statements.contains("audit_events_guard") && statements.trim_end().ends_with("COMMIT;"),
        "{statements}"
    );
    owner.ask(&statements);
    assert_eq!(world.sql("SELECT count(*) FROM audit_events"), "0");
    assert_guarded(&world.database);

    // A rollback, or a broken connection, switches it on again.
    let open = statements.replace("COMMIT;", "");
    let mut broken = world.session(&url);
    broken.ask(&open.replace("ENABLE", "DISABLE"));
    drop(broken);
    assert_guarded(&world.database);

    // As the page says, the day is then read again.
    assert_eq!(world.run("reset --source acme 2024-09-28 --reason erased").status, 0);
    assert_eq!(day(&world.sync("", 0), "acme", DAY)["outcome"], "synced");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn an_adopted_table_has_the_same_guards() {
    let world = after_the_python_logger(ACME);
    assert_eq!(world.run("migrate").status, 0);
    assert_guarded(&world.database);
    world.sync("", 0);
}

/// A PostgreSQL client program, for the server of this world.
fn tool(world: &World, program: &str) -> Command {
    Command::new(
        world
            .database
            .cluster()
            .map_or_else(|| PathBuf::from(program), |cluster| cluster.bin(program)),
    )
}

fn run(mut command: Command) {
    let done = command.output().expect("the program starts");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Dumps the world's database into a file.
fn dump(world: &World, arguments: &[&str]) -> String {
    let file = world.place("dump", "");
    let mut command = tool(world, "pg_dump");
    command.args(arguments).args(["--file", &file, "--dbname", world.database.url()]);
    run(command);
    file
}

fn restore(world: &World, arguments: &[&str], file: &str, database: &Database) {
    let mut command = tool(world, "pg_restore");
    command.args(["--exit-on-error"]).args(arguments).args(["--dbname", database.url(), file]);
    run(command);
}

fn load(world: &World, file: &str, database: &Database) {
    let mut command = tool(world, "psql");
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, "-d", database.url()]);
    run(command);
}

/// The relevant content of a database: its schema, guards and rows, sorted.
fn contents(database: &Database) -> String {
    let ask = |sql: &str| database.psql(sql).expect("rows");
    let rows = |(table, _): (&str, bool)| {
        ask(&format!("SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {table} AS t"))
    };
    format!("{}\n{}", TABLES.map(rows).join("\n"), ask(crate::adoption::SHAPE))
}

/// Checks that a restored database is as it was, that it is guarded, and that a sync works on it.
fn assert_goes_on(world: &World, database: &Database, before: &str) {
    assert_eq!(contents(database), before);
    assert_guarded(database);
    let run = world.run(&format!(
        "sync --from 2024-09-27 --to 2024-09-28 --output json --database-url {}",
        database.url()
    ));
    assert_eq!(run.status, 0, "{run:#?}");
    let report = run.json();
    assert_eq!(day(&report, "acme", DAY)["outcome"], "already_synced");
    assert_eq!(day(&report, "acme", "2024-09-27")["outcome"], "synced");
    let reset =
        world.run(&format!("reset --source acme 2024-09-28 --database-url {}", database.url()));
    assert_eq!(reset.status, 0, "{reset:#?}");
}

#[test]
fn an_sql_dump_is_restored_into_a_new_database() {
    let world = synced();
    let before = contents(&world.database);
    let restored = pg_cluster::fresh_database();
    load(&world, &dump(&world, &[]), &restored);
    assert_goes_on(&world, &restored, &before);
}

#[test]
fn a_custom_dump_is_restored_into_a_new_database_and_over_an_old_one() {
    let world = synced();
    let before = contents(&world.database);
    let file = dump(&world, &["--format=custom"]);
    let restored = pg_cluster::fresh_database();
    restore(&world, &[], &file, &restored);
    assert_eq!(contents(&restored), before);
    // Like Heroku's `pg:backups:restore`, over the existing tables.
    let url = restored.url();
    assert_eq!(world.run(&format!("sync --date 2024-09-26 --database-url {url}")).status, 0);
    restore(&world, &["--clean", "--if-exists", "--no-acl", "--no-owner"], &file, &restored);
    assert_eq!(contents(&restored), before);
    restore(&world, &["--clean", "--single-transaction"], &file, &restored);
    assert_goes_on(&world, &restored, &before);
}

#[test]
fn a_dump_of_data_alone_is_restored_into_a_migrated_schema() {
    let world = synced();
    let before = contents(&world.database);
    let file =
        dump(&world, &["--format=custom", "--data-only", "--exclude-table=auditsync_migrations"]);
    let migrated = || {
        let restored = pg_cluster::fresh_database();
        assert_eq!(world.run(&format!("migrate --database-url {}", restored.url())).status, 0);
        restored.psql(&documented("audit_seals_guard")).expect("it removes the new chain");
        restored
    };
    for options in [&[][..], &["--disable-triggers"]] {
        let restored = migrated();
        restore(&world, options, &file, &restored);
        assert_goes_on(&world, &restored, &before);
    }
    let inserts =
        dump(&world, &["--inserts", "--data-only", "--exclude-table=auditsync_migrations"]);
    let restored = migrated();
    load(&world, &inserts, &restored);
    assert_goes_on(&world, &restored, &before);
}

#[test]
fn a_restored_server_continues_where_the_old_one_ended() {
    let world = synced();
    let before = contents(&world.database);
    let server = Arc::new(Cluster::builder().start().expect("a second server"));
    let restored = Database::on(&server).expect("a database");
    // The roles of the old server do not exist on the new one.
    let (_, _) = with_owner(&world);
    restore(&world, &["--no-owner", "--no-acl"], &dump(&world, &["--format=custom"]), &restored);
    assert_goes_on(&world, &restored, &before);
    let adopted =
        World::on(Database::on(&server).expect("a database"), Fixtures::committed(), ACME);
    load(&world, &dump(&world, &["--no-owner", "--no-acl"]), &adopted.database);
    assert_eq!(
        day(&adopted.sync("--date 2024-09-28", 0), "acme", DAY)["outcome"],
        "already_synced"
    );
    assert_guarded(&adopted.database);
}
