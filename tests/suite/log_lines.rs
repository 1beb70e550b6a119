//! The log: its lines suit Logplex and log drains.

use serde_json::Value;

use crate::support::{ACME, DAY, Finished, World, date};

const ON_DAY: &str = "sync --date 2024-09-28 --output json";

/// The lines of a log in JSON.
fn entries(finished: &Finished) -> Vec<Value> {
    let lines = finished.stderr.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The keys of the first line with this message.
fn keys(entries: &[Value], message: &str) -> String {
    let entry = entries.iter().find(|entry| entry["message"] == message);
    let entry = entry.unwrap_or_else(|| panic!("no {message:?} in {entries:#?}"));
    entry.as_object().expect("an object").keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn lines_for_runs_days_and_events_have_the_keys_that_drains_rely_on() {
    let world = World::new(ACME);
    let entries = entries(&world.run(&format!("{ON_DAY} --log-format json")));
    let event = "action actor_email created_at id level message source target timestamp type";
    assert_eq!(keys(&entries, "new event"), event);
    let day = "attempt conflicts date duration_ms events late_events level message new_events \
        outcome requests retries \
               source target timestamp vanished_events";
    assert_eq!(keys(&entries, "day done"), day);
    let started = "head_log head_seal head_seq level message run_id target timestamp";
    assert_eq!(keys(&entries, "run started"), started);
    let run = "already_synced dry_run events events_logged failed head_log head_seal head_seq \
        interrupted level locked_elsewhere lost_lock message new_events run_id synced \
               target timestamp version would_sync";
    // The commit is there if the build knew it.
    assert_eq!(keys(&entries, "run finished").replace(" commit", ""), run);
    let of = |message: &str| entries.iter().filter(|entry| entry["message"] == message).count();
    assert_eq!((of("new event"), of("day done"), of("run finished")), (450, 1, 1));
    let last = entries.last().expect("lines");
    assert_eq!(
        (&last["events_logged"], &last["events"], &last["level"]),
        (&450.into(), &450.into(), &"INFO".into())
    );
}

#[test]
fn the_last_line_of_a_run_counts_the_lines_for_events_that_were_logged() {
    for (events, logged) in [("none", 0), ("summary", 450), ("full", 450)] {
        let world = World::new(&format!("[events]\nlog = \"{events}\"\n{ACME}"));
        let entries = entries(&world.run(&format!("{ON_DAY} --log-format json")));
        assert_eq!(entries.iter().filter(|entry| entry["message"] == "new event").count(), logged);
        assert_eq!(entries.last().expect("lines")["events_logged"], logged, "{events}");
    }
}

#[test]
fn no_line_is_so_long_that_logplex_would_split_it() {
    for format in ["text", "logfmt", "json"] {
        let world = World::new(&format!("[events]\nlog = \"full\"\n{ACME}"));
        let filler = "x".repeat(40_000);
        let odd = format!("{}@example.com", "\\u001b\u{202e}\\\"\\n🙂".repeat(2_000));
        let event = format!(
            r#"{{"id":"{odd}","type":"{odd}","action":"create","actor":{{"email":"{odd}"}},
                "created_at":"2024-09-28T01:00:00Z","data":"{filler}"}}"#
        );
        world.heroku.put_day("acme", date(DAY), vec![event.into()]);
        let finished = world.run(&format!("{ON_DAY} -vv --log-format {format}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        let longest = finished.stderr.split_inclusive('\n').map(str::len).max().expect("lines");
        assert!((9_900..10_000).contains(&longest), "{format}: {longest} bytes");
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!finished.stderr.contains(steers), "{format}: {finished:#?}");
        let line = finished.stderr.lines().find(|line| line.contains("new event")).expect("a line");
        for key in ["source", "created_at", "actor_email", "type", "action", "id", "event"] {
            assert!(
                line.contains(&format!("{key}=")) || line.contains(&format!("\"{key}\":")),
                "{key}: {line}"
            );
        }
        assert_eq!(line.matches(" bytes)").count(), 3, "{line}");
        if format == "json" {
            let entries = entries(&finished);
            let entry = entries.iter().find(|entry| entry["message"] == "new event").expect("one");
            let shown = entry["event"].as_str().expect("text");
            let (kept, mark) = shown.split_once('…').expect("a mark");
            let missing: usize =
                mark.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
            assert_eq!(kept.len() + missing, world.heroku.day("acme", date(DAY))[0].len());
        }
    }
}

#[test]
fn levels_have_the_python_logger_s_names_in_each_format() {
    let world = World::new(ACME);
    let refused = "[retry]\nmax_attempts = 2\ninitial_interval = \"5ms\"\n";
    world.write_config(&format!("{refused}{ACME}"));
    for (format, before) in [("text", "Z "), ("logfmt", " level="), ("json", "\"level\":\"")] {
        world.heroku.fault(
            fake_heroku::Match::events("acme"),
            fake_heroku::Fault::status(503, "unavailable", "Try later."),
        );
        world.heroku.fault(
            fake_heroku::Match::events("acme"),
            fake_heroku::Fault::status(503, "unavailable", "Try later."),
        );
        let finished = world.run(&format!("{ON_DAY} -vv --log-format {format}"));
        assert_eq!(finished.status, 1, "{finished:#?}");
        for level in ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"] {
            let is_known = finished.stderr.contains(&format!("{before}{level}"));
            assert!(is_known || level == "TRACE", "{format}: no {level} in {finished:#?}");
        }
        assert!(
            !finished.stderr.contains("WARN ") && !finished.stderr.contains('\u{1b}'),
            "{finished:#?}"
        );
    }
}
