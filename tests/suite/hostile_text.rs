//! Foreign text, whatever it holds, never steers a terminal, hides a part of itself, or begins a
//! line of ours.
//!
//! Each origin of foreign text gets the same hostile text, and every command that shows it runs in
//! every form.

mod inputs;

use bytes::Bytes;
use fake_heroku::{Fault, Match, Month};
use serde_json::{Value, json};

use crate::support::{ACME, Finished, World, date, steers};

/// A window title, a reversal, an overwritten line, a colour by one byte, a line of its own, and
/// two hidden words.
const HOSTILE: &str = "\u{1b}]0;pwn\u{7}\u{202e}\r\u{9b}31m\nFAKE all is well\r\n\
    FAKE\u{2028}\u{feff}\u{ad}\u{e0041}\u{2066}";
/// The same for a column of twenty characters.
const SHORT: &str = "\u{1b}[2Jpwn\u{202e}\nFAKE";
const SEPTEMBER: Month = Month { year: 2024, month: 9 };
const FORMS: [(&str, &str); 3] = [("text", "text"), ("logfmt", "json"), ("json", "text")];

/// Runs the program and checks all of its output.
fn run(world: &World, (format, output): (&str, &str), args: &[&str]) -> Finished {
    let mut command = world.command(&format!("--log-format {format} --output {output}"));
    let finished = Finished::of(command.args(args));
    for text in [&finished.stdout, &finished.stderr] {
        let what = || format!("{args:?} ({format}, {output}): {text:?}");
        assert_eq!(text.chars().find(|c| steers(*c)), None, "{}", what());
        assert!(!text.lines().any(|line| line.trim_start().starts_with("FAKE")), "{}", what());
    }
    assert_ne!(finished.status, 101, "{args:?}: {finished:#?}");
    if output == "json" {
        finished.json();
    }
    if format == "json" {
        let lines = finished.stderr.lines().filter(|line| line.starts_with('{'));
        lines.for_each(|line| {
            _ = serde_json::from_str::<Value>(line)
                .unwrap_or_else(|error| panic!("{error}: {line}"));
        });
    }
    finished
}

/// The same for a command that must show the hostile text, because the test would see nothing
/// otherwise.
fn shows(world: &World, form: (&str, &str), args: &[&str]) -> Finished {
    let finished = run(world, form, args);
    assert!(
        finished.stdout.contains("pwn") || finished.stderr.contains("pwn"),
        "{args:?}: {finished:#?}"
    );
    finished
}

fn event(id: &str, kind: &str, created_at: &str) -> Bytes {
    let event = json!({ "id": id, "type": kind, "action": HOSTILE, "actor": { "email": HOSTILE },
        "created_at": created_at });
    event.to_string().into()
}

/// `text` as a literal of SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn an_event_s_id_steers_no_terminal_in_any_command() {
    for form in FORMS {
        let world =
            World::new(&format!("[events]\nlog = \"full\"\n[sync]\nrecheck_after = []\n{ACME}"));
        let (at, id) = ("2024-09-28T01:00:00Z", HOSTILE);
        let events = vec![
            event(id, "a", at),
            event(id, "b", at),
            event("plain", "a", at),
            json!({ "type": id }).to_string().into(),
        ];
        world.heroku.put_day("acme", date("2024-09-28"), events);
        let day = ["sync", "--date", "2024-09-28"];
        shows(&world, form, &[&day[..], &["--dry-run"]].concat());
        shows(&world, form, &day);
        assert_eq!(world.sql("SELECT count(*) FROM audit_event_conflicts"), "1");
        // An event that is no longer listed is named in the log and in the history.
        assert_eq!(world.heroku.remove_event("acme", date("2024-09-28"), id), 2);
        run(&world, form, &["reset", "--source", "acme", "2024-09-28"]);
        shows(&world, form, &day);
        shows(&world, form, &["history"]);
        // First stored here and missing in the archive; then in the archive and missing here, with
        // a stray of another month.
        world.heroku.make_archive("acme", SEPTEMBER);
        shows(&world, form, &["reconcile", "--month", "2024-09"]);
        let stray = event(&format!("{HOSTILE}2"), "a", "2019-01-01T00:00:00Z");
        let other = event(&format!("{HOSTILE}3"), "a", at);
        world.heroku.put_archive("acme", SEPTEMBER, fake_heroku::pack(&[stray, other]));
        shows(&world, form, &["reconcile", "--month", "2024-09"]);
        shows(&world, form, &["reconcile", "--month", "2024-09", "--repair"]);
        shows(
            &world,
            form,
            &["backfill", "--via", "archive", "--from", "2024-09-27", "--to", "2024-09-27"],
        );
    }
}

#[test]
fn heroku_s_messages_steer_no_terminal() {
    let teams =
        format!("{ACME}{}", ACME.replace("\"acme\"\naccount", "\"t\"\nteam = \"gone\"\naccount"));
    for form in FORMS {
        let world = World::new(&teams);
        let day = ["sync", "--date", "2024-09-28"];
        let refusal = json!({ "id": HOSTILE, "message": HOSTILE, "url": HOSTILE }).to_string();
        let odd = json!([{ "id": HOSTILE, "name": HOSTILE }]).to_string();
        world
            .heroku
            .fault(Match::events("acme"), Fault::body(403, "application/json", refusal.clone()));
        world.heroku.fault(
            Match::path("/enterprise-accounts/acme/teams").times(2),
            Fault::body(200, "application/json", odd),
        );
        world.heroku.fault(
            Match::path("/teams").times(2),
            Fault::body(404, "application/json", refusal.clone()),
        );
        shows(&world, form, &day);
        shows(&world, form, &["status", "--days", "30000"]);
        shows(&world, form, &["history"]);
        shows(&world, form, &["check"]);
        let account = json!({ "id": "i", "name": HOSTILE, "permissions": [HOSTILE] }).to_string();
        world.heroku.fault(
            Match::path("/enterprise-accounts/acme"),
            Fault::body(200, "application/json", account),
        );
        shows(&world, form, &["check"]);
        world.heroku.fault(
            Match::path("/account"),
            Fault::body(200, "application/json", json!({ "remaining": HOSTILE }).to_string()),
        );
        run(&world, form, &["check"]);
        for info in [
            json!(HOSTILE),
            json!({ "url": [HOSTILE] }),
            json!({ "url": format!("https://{HOSTILE}/"), "checksum": HOSTILE }),
        ] {
            let info = Fault::body(200, "application/json", info.to_string());
            world.heroku.fault(Match::path("/enterprise-accounts/acme/archives").times(3), info);
            run(&world, form, &["reconcile", "--month", "2024-09", "--source", "acme"]);
            world.heroku.clear_faults();
        }
        for name in ["x-heroku-warning", "request-id", "retry-after", "next-range"] {
            let value = "pwn\u{202e}\u{9b}31m\u{feff}".to_owned();
            world.heroku.fault(Match::events("acme"), Fault::Header { name: name.into(), value });
            run(&world, form, &["sync", "--date", "2024-09-27", "--dry-run", "-vv"]);
        }
    }
}

/// A world whose ledger and history contain the hostile text.
fn with_hostile_rows() -> World {
    let world = World::busy(&format!("{ACME}since = \"2024-09-20\"\n"));
    assert_eq!(world.run("sync --from 2024-09-24 --to 2024-09-28").status, 0);
    let (hostile, short) = (literal(HOSTILE), literal(SHORT));
    world.sql(&format!(
        "UPDATE audit_events_log SET status = 'FAILED', error_message = {hostile}
             WHERE process_date = '2024-09-24';
             UPDATE audit_events_log SET status = {short}, locked_by = {hostile}
             WHERE process_date = '2024-09-25';
             UPDATE audit_events_log SET status = 'PROCESSING', locked_by = {hostile},
             locked_until = clock_timestamp() + interval '1 h'
             WHERE process_date = '2024-09-26';
             UPDATE audit_events_log SET status = 'PENDING', settled_at = NULL,
             scope = jsonb_build_object('account', {hostile}) WHERE process_date = '2024-09-28';
             INSERT INTO audit_events_log (source, process_date, status, error_message, scope)
             VALUES ({hostile}, '2024-09-20', 'ERROR', {hostile}, '{{\"account\": \"acme\"}}');
             INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome,
             message, by)
             VALUES (gen_random_uuid(), {hostile}, '2024-09-20', 1, {hostile}, {hostile},
             {hostile}, {hostile}),
                    (gen_random_uuid(), 'acme', '2024-09-20', 1, 'reset', 'pending', {hostile},
                    {hostile})"
    ));
    world
}

#[test]
fn ledger_and_history_steer_no_terminal() {
    for form in FORMS {
        let (world, hostile) = (with_hostile_rows(), literal(HOSTILE));
        shows(&world, form, &["status", "--days", "30000"]);
        shows(&world, form, &["status", "--days", "30000", "--check"]);
        shows(&world, form, &["status", "--source", HOSTILE]);
        shows(&world, form, &["history"]);
        shows(&world, form, &["history", "--source", HOSTILE]);
        for (mode, days) in [
            ("--dry-run", "2024-09-28"),
            ("-q", "2024-09-25"),
            ("-q", "2024-09-26"),
            ("-v", "2024-09-28"),
        ] {
            let finished = run(&world, form, &["sync", mode, "--from", days, "--to", days]);
            assert!(
                mode == "--dry-run"
                    || finished.stdout.contains("pwn")
                    || finished.stderr.contains("pwn"),
                "{days}: {finished:#?}"
            );
        }
        shows(&world, form, &["backfill", "--from", "2024-09-25", "--to", "2024-09-26"]);
        shows(&world, form, &["reset", "--source", "acme", "2024-09-25", "2024-09-26"]);
        run(&world, form, &["reset", "--source", "acme", "2024-09-26", "--force"]);
        world.sql(&format!(
            "UPDATE audit_events_log SET status = 'PROCESSING', locked_by = {hostile}, \
             locked_until = '2024-09-29Z' WHERE process_date = '2024-09-26'"
        ));
        shows(&world, form, &["cleanup"]);
        assert_eq!(
            world.sql(
                "SELECT count(*) FROM audit_history WHERE action = 'cleanup' \
                AND message ~ '[[:cntrl:]]'"
            ),
            "0"
        );
        world.sql(&format!("UPDATE auditsync_migrations SET description = {hostile}"));
        run(&world, form, &["status"]);
    }
}

#[test]
fn the_database_s_messages_steer_no_terminal_and_no_row() {
    for form in FORMS {
        let world = World::new(ACME);
        assert_eq!(world.run("migrate").status, 0);
        let raises = |table: &str, code: &str, what: &str| {
            world.sql(&format!(
                "CREATE OR REPLACE FUNCTION pwn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   RAISE EXCEPTION USING MESSAGE = {}, DETAIL = {0}, HINT = {0},
                   ERRCODE = '{code}'; END $$;
                 CREATE OR REPLACE TRIGGER pwn BEFORE {what} ON {table} FOR EACH ROW
                 EXECUTE FUNCTION pwn()",
                literal(HOSTILE)
            ));
        };
        let day = ["sync", "--date", "2024-09-28"];
        // PostgreSQL rejects the data: the reason is kept with each event.
        raises("audit_events", "22000", "INSERT");
        world.heroku.put_day(
            "acme",
            date("2024-09-28"),
            vec![event("one", "a", "2024-09-28T01:00:00Z")],
        );
        shows(&world, form, &day);
        raises("audit_events", "P0001", "INSERT");
        shows(&world, form, &day);
        shows(&world, form, &["status", "--days", "30000"]);
        shows(&world, form, &["history"]);
        assert_ne!(world.sql("SELECT count(*) FROM audit_history WHERE message LIKE '%pwn%'"), "0");
        assert_eq!(
            world.sql("SELECT count(*) FROM audit_history WHERE message ~ '[[:cntrl:]\u{202e}]'"),
            "0"
        );
        assert_eq!(
            world.sql(
                "SELECT count(*) FROM audit_events_log WHERE error_message ~ '[[:cntrl:]\u{202e}]'"
            ),
            "0"
        );
        world.sql("DROP TRIGGER pwn ON audit_events");
        raises("audit_events_log", "P0001", "UPDATE");
        shows(&world, form, &day);
        shows(&world, form, &["reset", "--source", "acme", "2024-09-28"]);
    }
}
