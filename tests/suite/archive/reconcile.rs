//! `reconcile`: the stored events of a month against its archive.

use bytes::Bytes;
use fake_heroku::pack;
use serde_json::Value;

use super::{ACME_AND_TEAM_A, DAYS, SEPTEMBER, downloads, found, listed, put_respelled, reconcile};
use crate::support::{ACME, DAY, World, date};

#[test]
fn an_event_stored_under_the_neighbouring_day_is_not_missing() {
    let world = World::new(&format!("{ACME}since = \"2024-09-27\"\n"));
    let late = Bytes::from_static(br#"{"id":"at-midnight","created_at":"2024-09-28T00:00:01Z"}"#);
    world.heroku.add_event("acme", date("2024-09-27"), late.clone());
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let mut events = listed(&world, &DAYS[2..]);
    events.reverse();
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    let report = reconcile(&world, "", 0);
    for day in &DAYS[2..] {
        for kind in ["missing_here", "missing_there"] {
            assert_eq!(found(&report, "acme", day)[kind], serde_json::json!([]), "{day}");
        }
    }
}

#[test]
fn without_a_ledger_all_events_of_an_owed_month_are_reported_missing() {
    let world = World::new(&format!("{ACME}since = \"2024-09-01\"\n"));
    let report = reconcile(&world, "", 1);
    assert!(
        report["months"][0]["error"].as_str().expect("an error").contains("nothing is stored"),
        "{report:#}"
    );
}

#[test]
fn a_comparison_of_nothing_fails_and_names_what_reads_the_month() {
    let world = World::new(&format!("{ACME}since = \"2024-10-01\"\n"));
    let read = "  `auditsync backfill --via archive --from 2024-09-01 --to 2024-09-30 \
                --source acme`\n";
    for migrated in [false, true] {
        if migrated {
            assert_eq!(world.run("migrate").status, 0);
        }
        let text = world.run("reconcile --month 2024-09");
        assert_eq!(text.status, 1, "{text:#?}");
        assert!(text.stdout.contains("Nothing was compared, so this proves nothing."), "{text:#?}");
        assert!(!text.stdout.contains("No event of the archive is missing"), "{text:#?}");
        assert!(text.stdout.ends_with(read), "{text:#?}");
    }
    let report = reconcile(&world, "", 1);
    let note = report["months"][0]["note"].as_str().expect("a note");
    assert!(note.contains("no day of this month is stored or owed"), "{note}");
    assert_eq!(report["months"][0]["agrees"], Value::Null, "nothing was compared");
    assert_eq!(downloads(&world), 0);
    // Beside a source that was compared, one that owes no day is no failure.
    world.write_config(&ACME_AND_TEAM_A.replacen("2024-09-25", "2024-10-01", 1));
    for day in DAYS {
        world.sync(&format!("--date {day} --source team-a"), 0);
    }
    put_respelled(&world);
    let report = reconcile(&world, "", 0);
    let of =
        |number: usize| (&report["months"][number]["agrees"], &report["months"][number]["note"]);
    assert_eq!(of(0).0, &Value::Null);
    assert_eq!(of(1), (&true.into(), &Value::Null));
}

#[test]
fn an_archive_that_ends_before_a_source_begins_agrees_with_nothing() {
    let world = World::new(&format!("{ACME}since = \"2024-09-28\"\n"));
    world.sync("--date 2024-09-28", 0);
    world.heroku.put_archive("acme", SEPTEMBER, pack(&listed(&world, &DAYS[..1])));
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        archive.created_at = "2024-09-26T00:02:00Z".into();
    });
    let report = reconcile(&world, "", 1);
    let month = &report["months"][0];
    let note = month["note"].as_str().expect("a note");
    assert!(note.contains("the archive ends at 2024-09-25"), "{note}");
    assert_eq!((&month["agrees"], &month["covers_month"]), (&Value::Null, &Value::Null));
}

#[test]
fn store_and_archive_agree_whatever_the_order_and_the_json_spelling() {
    let world = World::new(ACME_AND_TEAM_A);
    for day in DAYS {
        world.sync(&format!("--date {day}"), 0);
    }
    put_respelled(&world);
    let before = kept(&world);
    let report = reconcile(&world, "", 0);
    assert_eq!(report["months"].as_array().map(Vec::len), Some(2));
    for source in ["acme", "team-a"] {
        for day in DAYS {
            let found = found(&report, source, day);
            assert_eq!(found["stored"], found["archived"], "{source} {day}");
            for kind in ["missing_here", "missing_there", "differing"] {
                assert_eq!(found[kind], Value::Array(vec![]), "{source} {day}");
            }
        }
    }
    assert_eq!(kept(&world), before, "it only adds to the history");
    // Of the six days that each source must cover, two have no row in the ledger.
    let recorded = "SELECT count(*), count(DISTINCT (source, process_date)), min(outcome),
                           max(outcome), min(attempt),
                           sum(events) = (SELECT count(*) FROM audit_events)
                    FROM audit_history WHERE action = 'reconcile'";
    assert_eq!(world.sql(recorded), "12|12|agrees|agrees|0|t");
    assert_eq!(report["months"][0]["archive"]["events"], 2969);
    for month in report["months"].as_array().expect("months") {
        assert_eq!((&month["covers_month"], &month["agrees"]), (&true.into(), &true.into()));
        assert_eq!((&month["error"], &month["note"]), (&Value::Null, &Value::Null));
    }
}

/// What a comparison must not change: everything except the history.
fn kept(world: &World) -> String {
    let tables = ["audit_events_log", "audit_events", "audit_event_conflicts", "audit_seals"];
    let sums = tables.map(|table| {
        world.sql(&format!(
            "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} AS t"
        ))
    });
    sums.join(" ")
}

#[test]
fn a_comparison_is_recorded_for_each_day_with_its_counts_and_the_checksum() {
    let world = World::new(&format!("{ACME}since = \"2024-09-27\"\n"));
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let mut events = listed(&world, &DAYS[2..]);
    events.pop();
    events.push(Bytes::from_static(br#"{"id":"unlisted","created_at":"2024-09-28T01:00:00Z"}"#));
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    assert_eq!(reconcile(&world, "", 1)["months"][0]["agrees"], false);
    let mut checksum = String::new();
    world
        .heroku
        .change_archive("acme", SEPTEMBER, |archive| checksum.clone_from(&archive.checksum));
    let rows = "SELECT process_date, attempt, outcome, events, message FROM audit_history
                WHERE action = 'reconcile' ORDER BY id";
    let count = world.heroku.day("acme", date("2024-09-27")).len();
    let first = format!(
        "2024-09-27|1|agrees|{count}|archive {count} events, stored {count}, missing here 0, \
         missing there 0, differing 0; archive sha256 {checksum}"
    );
    let second = format!(
        "2024-09-28|1|differs|450|archive 450 events, stored 450, missing here 1, \
         missing there 1, differing 0; archive sha256 {checksum}"
    );
    let september = |rows: String| -> Vec<String> {
        rows.lines().filter(|row| row.starts_with("2024-09-2")).map(str::to_owned).collect()
    };
    let recorded = september(world.sql(rows));
    assert_eq!(recorded[..2], [first, second]);
    // A repair changes what was found, so it is recorded before.
    reconcile(&world, "--repair", 0);
    let actions = format!(
        "SELECT string_agg(action || ' ' || outcome, ', ' ORDER BY id) FROM audit_history
         WHERE process_date = '{DAY}' AND action <> 'claim'"
    );
    assert_eq!(
        world.sql(&actions),
        "publish synced, reconcile differs, reconcile differs, publish synced"
    );
}

#[test]
fn a_role_or_database_that_only_reads_can_be_compared_with_a_warning() {
    let world = World::new(&format!("{ACME}since = \"2024-09-28\"\n"));
    world.sync("--date 2024-09-28", 0);
    world.heroku.put_archive("acme", SEPTEMBER, pack(&listed(&world, &DAYS[3..])));
    let reader = format!("reads_{}", world.database.name());
    world.sql(&format!(
        "CREATE ROLE {reader} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
    ));
    let before = world.dump();
    let url = world.database.url().replacen("postgres@", &format!("{reader}@"), 1);
    let read_only =
        format!("{}&options=-c%20default_transaction_read_only%3Don", world.database.url());
    for url in [url, read_only] {
        let finished = world.run(&format!("reconcile --month 2024-09 --database-url {url}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert!(finished.stdout.contains("No event of the archive is missing"), "{finished:#?}");
        let warning = "the history does not record what was compared";
        assert_eq!(finished.stderr.matches(warning).count(), 1, "{finished:#?}");
    }
    assert_eq!(world.dump(), before);
}

#[test]
fn missing_and_differing_events_are_named_and_a_repair_stores_the_missing() {
    let world =
        World::new(&ACME_AND_TEAM_A.replace("since = \"2024-09-25\"", "since = \"2024-09-27\""));
    for day in DAYS {
        world.sync(&format!("--date {day}"), 0);
    }
    let mut events = listed(&world, &DAYS);
    let gone: Value = serde_json::from_slice(&events.pop().expect("an event")).expect("an event");
    let gone = gone["id"].as_str().expect("an id").to_owned();
    let team = r#""team":{"id":"aaaaaaaa-1111-4000-8000-00000000000a","name":"team-a"}"#;
    events.push(Bytes::from(format!(
        r#"{{"id":"unlisted","created_at":"2024-09-28T01:00:00Z",{team}}}"#
    )));
    let at = events
        .iter()
        .rposition(|event| event.windows(6).any(|part| part == b"team-a"))
        .expect("one of the team")
        - 1;
    let mut changed: Value = serde_json::from_slice(&events[at]).expect("an event");
    let changed_id = changed["id"].as_str().expect("an id").to_owned();
    changed["action"] = "changed".into();
    events[at] = Bytes::from(changed.to_string());
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));

    let report = reconcile(&world, "", 1);
    let here = found(&report, "acme", DAY);
    assert_eq!(here["missing_here"], serde_json::json!(["unlisted"]));
    assert_eq!(here["missing_there"], serde_json::json!([gone]));
    assert_eq!(here["differing"], serde_json::json!([changed_id]));
    assert_eq!(found(&report, "team-a", DAY)["missing_here"], serde_json::json!(["unlisted"]));

    let finished = world.run("reconcile --month 2024-09 --repair");
    assert_eq!(finished.status, 0, "{finished:#?}");
    for source in ["acme", "team-a"] {
        let stored = world.sql(&format!(
            "SELECT via, first_seen_at > clock_timestamp() - interval '1 min' FROM audit_events
             WHERE source = '{source}' AND event_id = 'unlisted'"
        ));
        assert_eq!(stored, "archive|t", "{source}");
    }
    let kept =
        world.sql("SELECT DISTINCT event_id FROM audit_event_conflicts WHERE source = 'acme'");
    assert_eq!(kept, changed_id);
    let report = reconcile(&world, "", 0);
    assert_eq!(found(&report, "acme", DAY)["missing_here"], serde_json::json!([]));
    assert_eq!(
        found(&report, "acme", DAY)["differing"],
        serde_json::json!([changed_id]),
        "the first stays"
    );
}
