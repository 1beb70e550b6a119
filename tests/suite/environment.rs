//! The main job under every reported setting of database, role and process: it works as usual, byte
//! for byte.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{ACME, Finished, World, day, truth};

const DAYS: [&str; 3] = ["2024-09-26", "2024-09-27", "2024-09-28"];
const SYNC: &str = "sync --from 2024-09-26 --to 2024-09-28";

/// The parts of the report that describe each day.
fn outcomes(finished: &Finished) -> Vec<String> {
    let report: Value = finished.json();
    DAYS.iter()
        .map(|date| day(&report, "acme", date)["outcome"].as_str().expect("an outcome").to_owned())
        .collect()
}

/// The main job: a first sync, which migrates; a second one with nothing to do; status, history and
/// check.
fn assert_works(world: &World, setting: &str) {
    let first = world.run(&format!("{SYNC} --output json"));
    assert_eq!(first.status, 0, "{setting}: {first:#?}");
    assert_eq!(outcomes(&first), ["synced"; 3], "{setting}");
    for date in DAYS {
        world.assert_complete("acme", date, &truth(world, "acme", date, |_| true));
    }
    let requests = world.heroku.requests().len();
    let second = world.run(&format!("{SYNC} --output json"));
    assert_eq!(
        (second.status, outcomes(&second)),
        (0, vec!["already_synced".to_owned(); 3]),
        "{setting}: {second:#?}"
    );
    assert_eq!(world.heroku.requests().len(), requests, "{setting}");
    for command in [
        "status",
        "history --days 1000",
        "check",
        "reset --source acme 2024-09-28 --reason again",
        SYNC,
    ] {
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{setting}, {command}: {finished:#?}");
    }
    let text = format!("{:?}", world.run("status --output json"));
    assert!(text.contains("2024-09-28"), "{setting}: {text}");
    world.assert_complete("acme", DAYS[2], &truth(world, "acme", DAYS[2], |_| true));
}

/// Applies these settings to new connections to the world's database, including those of the test's
/// own queries.
fn set(world: &World, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        world.sql(&format!("ALTER DATABASE {} SET {name} = {value}", world.database.name()));
    }
    // A failed statement ends the session, which is otherwise kept for the next query.
    assert!(world.database.psql("SELECT 1 / 0").is_err());
}

/// Runs the main job in a database with each of these groups of settings.
fn with_database_settings(groups: &[&[(&str, &str)]]) {
    for settings in groups {
        let world = World::new(ACME);
        set(&world, settings);
        assert_works(&world, &format!("{settings:?}"));
    }
}

#[test]
fn settings_for_dates_numbers_and_texts_change_nothing() {
    with_database_settings(&[
        &[
            ("DateStyle", "'SQL, DMY'"),
            ("IntervalStyle", "'sql_standard'"),
            ("TimeZone", "'Asia/Kathmandu'"),
            ("bytea_output", "'escape'"),
            ("extra_float_digits", "-15"),
            ("client_encoding", "'LATIN1'"),
            ("array_nulls", "off"),
            ("quote_all_identifiers", "on"),
            ("lc_messages", "'C'"),
        ],
        &[
            ("DateStyle", "'German, YMD'"),
            ("IntervalStyle", "'iso_8601'"),
            ("TimeZone", "'Pacific/Kiritimati'"),
            ("standard_conforming_strings", "off"),
            ("escape_string_warning", "on"),
            ("xmloption", "'document'"),
            ("transform_null_equals", "on"),
            ("client_min_messages", "'debug1'"),
        ],
    ]);
}

#[test]
fn settings_of_the_query_planner_change_nothing() {
    with_database_settings(&[
        &[
            ("jit", "on"),
            ("jit_above_cost", "0"),
            ("plan_cache_mode", "'force_generic_plan'"),
            ("enable_indexscan", "off"),
            ("enable_bitmapscan", "off"),
            ("work_mem", "'64kB'"),
            ("default_transaction_deferrable", "on"),
            ("row_security", "off"),
        ],
        &[
            ("jit", "off"),
            ("plan_cache_mode", "'force_custom_plan'"),
            ("enable_seqscan", "off"),
            ("constraint_exclusion", "on"),
            ("synchronous_commit", "off"),
            ("session_replication_role", "'replica'"),
            ("default_tablespace", "'pg_default'"),
            ("default_table_access_method", "'heap'"),
        ],
    ]);
}

#[test]
fn the_schema_of_the_search_path_is_used() {
    for path in ["audit, public", "\"$user\", audit"] {
        let world = World::new(ACME);
        world.sql("CREATE SCHEMA audit");
        set(&world, &[("search_path", path)]);
        assert_works(&world, path);
        assert_eq!(
            world.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'audit'"),
            "7",
            "{path}"
        );
    }
}

#[test]
fn settings_of_role_and_address_work_like_those_of_the_database() {
    let mut world = World::new(ACME);
    let role = format!("odd_{}", world.database.name());
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN; CREATE SCHEMA audit AUTHORIZATION {role};
         ALTER ROLE {role} SET search_path = audit;
         ALTER ROLE {role} SET DateStyle = 'SQL, DMY';
         ALTER ROLE {role} SET TimeZone = 'Asia/Tokyo';
         ALTER ROLE {role} SET bytea_output = 'escape';
         ALTER ROLE {role} SET client_encoding = 'LATIN9';"
    ));
    set(&world, &[("search_path", "audit")]);
    let url = world.database.url().replace("postgres@", &format!("{role}@"));
    let options = "-c%20TimeZone%3DAmerica/Caracas%20-c%20IntervalStyle%3Diso_8601";
    world.set(
        "DATABASE_URL",
        &format!("{url}&options={options}&application_name=odd&client_encoding=auto"),
    );
    assert_works(&world, "a role");
}

#[test]
fn variables_of_other_programs_change_nothing() {
    let mut world = World::new(ACME);
    for (name, value) in [
        ("LANG", "de_DE.ISO-8859-1"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("LANGUAGE", "ja"),
        ("TZ", "Asia/Kathmandu"),
        ("PGTZ", "Asia/Kathmandu"),
        ("PGDATESTYLE", "German"),
        ("PGCLIENTENCODING", "auto"),
        ("PGAPPNAME", "another"),
        ("PGOPTIONS", "-c IntervalStyle=iso_8601"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGHOST", "elsewhere.invalid"),
        ("PGDATABASE", "nowhere"),
        ("PGUSER", "nobody"),
        ("PGPASSWORD", "unused"),
        ("HOME", "/nowhere"),
        ("COLUMNS", "5"),
        ("TERM", "dumb"),
        ("RUST_BACKTRACE", "full"),
    ] {
        world.set(name, value);
    }
    let url = format!("{}&user=postgres", world.database.url());
    world.set("DATABASE_URL", &url);
    assert_works(&world, "variables of other programs");
}

#[test]
fn empty_variables_count_as_not_set() {
    let mut world = World::new(ACME);
    for name in [
        "AUDITSYNC_PING_URL",
        "NO_COLOR",
        "RUST_LOG",
        "DYNO",
        "PGHOST",
        "PGSSLMODE",
        "PGPASSFILE",
        "PGSERVICE",
        "PGPORT",
    ] {
        world.set(name, "");
    }
    world.set("AUDITSYNC_PING_URL", "  ");
    assert_works(&world, "empty variables");
    for (name, value) in [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", " \n"),
        ("HEROKU_API_TOKEN", ""),
        ("HEROKU_API_TOKEN", " "),
    ] {
        let mut world = World::new(ACME);
        world.set(name, value);
        let finished = world.run("sync --date 2024-09-28");
        assert_eq!(finished.status, 2, "{name}: {finished:#?}");
        assert!(finished.stderr.contains(name), "{name}: {finished:#?}");
    }
}

#[test]
fn the_process_needs_no_stdin_no_home_and_no_writable_folder() {
    for script in [
        "exec \"$0\" \"$@\" <&-",
        "umask 0777; exec \"$0\" \"$@\"",
        "umask 0; exec \"$0\" \"$@\" </dev/full",
    ] {
        let world = World::new(ACME);
        for (arguments, outcome) in [(SYNC, "synced"), (SYNC, "already_synced")] {
            let plain = world.command(&format!("{arguments} --output json"));
            let mut shell = std::process::Command::new("/bin/sh");
            shell.args(["-c", script]).arg(plain.get_program()).args(plain.get_args()).env_clear();
            shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            shell.current_dir(plain.get_current_dir().expect("a folder"));
            shell.stdout(Stdio::piped()).stderr(Stdio::piped());
            let finished =
                crate::support::Running { child: shell.spawn().expect("a shell") }.wait();
            assert_eq!(
                (finished.status, outcomes(&finished)),
                (0, vec![outcome.to_owned(); 3]),
                "{script}: {finished:#?}"
            );
        }
    }
    // A removed folder, with the file given by its full path.
    let world = World::new(ACME);
    let file =
        world.place("elsewhere.toml", &std::fs::read_to_string(world.file()).expect("the file"));
    let gone = tempfile::tempdir().expect("a folder");
    let script = "cd \"$1\" && rmdir \"$1\" && shift && exec \"$0\" \"$@\"";
    let plain = world.command(&format!("{SYNC} --output json -c {file}"));
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", script])
        .arg(plain.get_program())
        .arg(gone.path())
        .args(plain.get_args())
        .env_clear();
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let finished = crate::support::Running { child: shell.spawn().expect("a shell") }.wait();
    assert_eq!(
        (finished.status, outcomes(&finished)),
        (0, vec!["synced".to_owned(); 3]),
        "{finished:#?}"
    );
}
