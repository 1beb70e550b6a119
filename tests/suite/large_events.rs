//! Events of megabytes are stored like others. One beyond the stated limit fails its day and not
//! the process.

use std::collections::BTreeMap;

use bytes::Bytes;
use fake_heroku::{Fault, Match};

use crate::support::{ACME, DAY, World, date, day, wait_for};

const MIB: usize = 1024 * 1024;

fn event_of(id: &str, bytes: usize) -> String {
    let (head, tail) = (format!(r#"{{"id":"{id}","type":"app","data":""#), "\"}");
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

#[test]
fn events_of_megabytes_are_stored_byte_for_byte_among_small_ones() {
    let mut events = BTreeMap::new();
    for (id, bytes) in [
        ("a", 100),
        ("b", MIB),
        ("c", MIB - 1),
        ("d", 3 * MIB),
        ("e", 60),
        ("f", 8 * MIB),
        ("g", 70),
    ] {
        events.insert(id.to_owned(), event_of(id, bytes).into_bytes());
    }
    for gzip in [true, false] {
        let world = World::new(ACME);
        world.heroku.set_gzip(gzip);
        world.heroku.put_day(
            "acme",
            date(DAY),
            events.values().map(|bytes| Bytes::from(bytes.clone())).collect(),
        );
        let report = world.sync("--date 2024-09-28", 0);
        assert_eq!(day(&report, "acme", DAY)["events"], 7);
        world.assert_complete("acme", DAY, &events);
        assert_eq!(world.sql("SELECT count(*) FROM audit_events WHERE event_raw IS NOT NULL"), "0");
    }
}

#[test]
fn an_event_over_the_limit_fails_only_its_day_and_is_never_in_memory() {
    // Compressed, it is a few hundred kilobytes on the wire.
    for (gzip, bytes) in [(false, 300 * MIB), (true, 40 * MIB)] {
        let world = World::new(&format!(
            "[retry]\nmax_attempts = 1\n[sync]\nconcurrency = 1\n[events]\nlog = \"none\"\n{ACME}"
        ));
        world.heroku.set_gzip(gzip);
        world.heroku.put_day(
            "acme",
            date("2024-09-26"),
            vec![Bytes::from(event_of("huge", bytes))],
        );
        world.heroku.fault(Match::events("acme").day(date(DAY)), Fault::Hang);
        let run = world.spawn("--from 2024-09-26 --to 2024-09-28 --output json");
        wait_for("the last day's request", || {
            world.heroku.requests_for("acme", date(DAY)).len() == 1
        });
        let peak = peak_mib(run.child.id());
        world.heroku.release_hangs();
        let report = run.wait().json();
        let error = day(&report, "acme", "2024-09-26")["error"].as_str().expect("an error");
        assert!(error.contains("one element of the list is longer than 32 MiB"), "{error}");
        assert_eq!(
            world.sql("SELECT status FROM audit_events_log WHERE process_date = '2024-09-26'"),
            "FAILED"
        );
        for whole in ["2024-09-27", DAY] {
            assert_eq!(day(&report, "acme", whole)["outcome"], "synced");
        }
        crate::support::note(&format!("a peak of {peak} MiB"));
        assert!(peak < 160, "a peak of {peak} MiB");
    }
}

/// The peak memory of a running process.
fn peak_mib(process: u32) -> usize {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process that runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    peak.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}
