//! `export --after`: scripts that poll get each event exactly once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use fake_heroku::{Fault, Match};

use super::{export, ids, last_logged, rows};
use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, date};

/// Polls once: the number to go on from, and the ids.
fn poll(world: &World, after: &str) -> (String, Vec<String>) {
    let finished = export(world, &format!("--after {after}"), 0);
    let seq = last_logged(&finished, "last_seq").expect("a number");
    let events = last_logged(&finished, "events").expect("a count");
    let ids = ids(&finished.stdout);
    assert_eq!(events, ids.len().to_string());
    (seq, ids)
}

#[test]
fn later_seals_are_exported_in_their_order_and_nothing_behind_the_head() {
    let world = World::new(ACME);
    let event = |id: &str| Bytes::from(format!("{{\"id\":\"{id}\"}}"));
    world.heroku.put_day("acme", date("2024-09-28"), vec![event("b"), event("a")]);
    world.heroku.put_day("acme", date("2024-09-27"), vec![event("c")]);
    world.sync("--date 2024-09-28", 0);
    world.sync("--date 2024-09-27", 0);
    assert_eq!(poll(&world, "0"), ("3".into(), vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(poll(&world, "2"), ("3".into(), vec!["c".into()]));
    assert_eq!(poll(&world, "3"), ("3".into(), vec![]));
    // A day that is read again adds only what is new; a reset and an empty reading add nothing.
    world.heroku.add_event("acme", date("2024-09-28"), event("0"));
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    assert_eq!(poll(&world, "3"), ("4".into(), vec![]));
    world.sync("--date 2024-09-28", 0);
    assert_eq!(poll(&world, "3"), ("5".into(), vec!["0".into()]));
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    world.sync("--date 2024-09-28", 0);
    assert_eq!(poll(&world, "5"), ("7".into(), vec![]));
    let csv = rows(&export(&world, "--after 4 --format csv", 0).stdout);
    assert_eq!((csv.len(), &*csv[1][2]), (2, "0"));
}

#[test]
fn an_event_of_an_attempt_that_failed_comes_with_the_seal_that_covers_it() {
    let world = World::new(&format!("[retry]\nmax_attempts = 1\n{ACME}"));
    world.heroku.generate_day("acme", date("2024-09-28"), 5_000);
    world.heroku.set_paging(fake_heroku::Paging::Pages { default: 1000, max: 1000 });
    let last = Match::events("acme").page(5).always();
    world.heroku.fault(last, Fault::status(503, "unavailable", "Try later."));
    world.sync("--date 2024-09-28", 1);
    assert_ne!(world.sql("SELECT count(*) FROM audit_events"), "0", "some events are stored");
    assert_eq!(poll(&world, "0"), ("1".into(), vec![]));
    world.heroku.clear_faults();
    world.sync("--date 2024-09-28", 0);
    let (seq, ids) = poll(&world, "1");
    assert_eq!((seq.as_str(), ids.len()), ("2", 5_000));
}

#[test]
fn sources_select_events_and_the_number_is_that_of_the_whole_chain() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--date 2024-09-28", 0);
    let finished = export(&world, "--after 0 --source team-a", 0);
    assert_eq!(last_logged(&finished, "last_seq").as_deref(), Some("5"));
    assert_eq!(last_logged(&finished, "seals").as_deref(), Some("1"));
    let stored = world.stored("team-a", "2024-09-28");
    assert_eq!(ids(&finished.stdout), stored.keys().cloned().collect::<Vec<_>>());
}

#[test]
fn polling_while_syncs_run_gives_each_event_exactly_once() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    for account in ["acme", "globex", "initech"] {
        for day in 1..=12 {
            world.heroku.generate_day(account, date(&format!("2024-08-{day:02}")), 40);
        }
    }
    assert_eq!(world.run("migrate").status, 0);
    let is_done = AtomicBool::new(false);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let sync = |arguments: &str| world.sync(arguments, 0);
            // Two at once, which share the days.
            std::thread::scope(|two| {
                two.spawn(|| sync("--from 2024-08-01 --to 2024-08-10"));
                two.spawn(|| sync("--from 2024-08-03 --to 2024-08-12"));
            });
            for day in 1..=6 {
                let day = format!("2024-08-{day:02}");
                let late = format!("{{\"id\":\"late-{day}\",\"created_at\":\"{day}T23:59:59Z\"}}");
                world.heroku.add_event("globex", date(&day), late);
                assert_eq!(world.run(&format!("reset --source globex {day}")).status, 0);
                sync(&format!("--source globex --date {day}"));
            }
            is_done.store(true, Ordering::SeqCst);
        });
        let (mut after, mut polls) = ("0".to_owned(), 0);
        loop {
            let is_last = is_done.load(Ordering::SeqCst);
            let (seq, ids) = poll(&world, &after);
            for id in ids {
                *seen.entry(id).or_default() += 1;
            }
            after = seq;
            polls += 1;
            if is_last {
                break;
            }
        }
        assert!(polls > 5, "{polls} polls are no interleaving");
    });
    let stored = world.sql("SELECT event_id, count(*) FROM audit_events GROUP BY 1 ORDER BY 1");
    let seen: Vec<String> = seen.iter().map(|(id, times)| format!("{id}|{times}")).collect();
    let mut stored: Vec<&str> = stored.lines().collect();
    stored.sort_unstable();
    assert_eq!(stored.len(), 3 * 12 * 40 + 6);
    assert_eq!(seen, stored);
}
