//! Events and conflicts against the seals of their day.

use super::*;

/// The column that is named after a change of a row.
type ChangedEvent = (&'static str, fn(&mut EventRow<'_>));

#[test]
fn a_day_as_it_was_sealed_has_no_problem() {
    for stored in [StoredDay::simple(), StoredDay::with_late_events()] {
        let checked = stored.check();
        assert_eq!(said(&checked), nothing());
        let figures = (checked.is_sealed, checked.is_baseline, checked.events, checked.unsealed);
        assert_eq!(figures, (true, false, stored.events.len() as u64, 0));
    }
    let empty = StoredDay::published(&[2], vec![], vec![]);
    assert_eq!(empty.found(), nothing());
}

#[test]
fn each_contradicted_column_is_named_once_with_its_ids() {
    let stored = StoredDay::simple();
    let cases: [ChangedEvent; 8] = [
        ("event_id", |row| row.id = "e9"),
        ("event_hash", |row| row.hash = b"x"),
        ("created_at", |row| row.created_at = Some(i64::MAX)),
        ("type", |row| row.texts[0] = None),
        ("owner_email", |row| row.texts[8] = Some("")),
        ("ip_address", |row| row.ip_address = None),
        ("ip_address", |row| row.ip_address = Some("10.0.0.1".parse().ok())),
        ("via", |row| row.via = "psql"),
    ];
    for (column, change) in cases {
        let found = said(&stored.check_seeing(Ok(day()), change));
        let ids = if column == "event_id" { "e9, e9" } else { "e1, e2" };
        let wanted =
            format!("altered: the column {column} contradicts the bytes of 2 events: {ids}");
        assert_eq!(found, [wanted]);
    }
}

#[test]
fn bytes_that_are_no_event_are_altered() {
    let found = said(&StoredDay::simple().check_seeing(Ok(day()), |row| row.bytes = b"{"));
    assert_eq!(found[0], "altered: the column event contradicts the bytes of 2 events: e1, e2");
    assert_eq!(
        found[1],
        "altered: seal 2 covers 2 events: as many are stored, and they are others"
    );
}

#[test]
fn consistently_changed_bytes_show_in_the_digest_alone() {
    let stored = StoredDay::simple().with(|day| {
        day.events[0].bytes = day.events[0].bytes.replace("app", "evil");
    });
    let altered = "altered: seal 2 covers 2 events: as many are stored, and they are others";
    assert_eq!(stored.found(), [altered]);
    let swapped = StoredDay::simple().with(|day| day.events.swap(0, 1));
    assert_eq!(swapped.found(), [altered]);
}

#[test]
fn a_deleted_event_is_missing_and_an_inserted_one_is_added() {
    let less = StoredDay::simple().with(|day| _ = day.events.remove(0));
    assert_eq!(less.found(), ["missing: seal 2 covers 2 events: 1 are left"]);
    let more = StoredDay::simple().with(|day| day.events.push(event("e3", 1)));
    assert_eq!(more.found(), ["added: seal 2 covers 2 events: 3 are stored"]);
    let later = StoredDay::simple().with(|day| day.events.push(event("e3", 2)));
    assert_eq!(later.found(), ["added: 1 event that no seal covers: e3"]);
}

#[test]
fn an_attempt_that_no_claim_gave_covers_nothing() {
    for attempt in [0, -1] {
        let stored = StoredDay::simple().with(|day| day.events[0].attempt = attempt);
        let found = stored.found();
        assert_eq!(found[0], "added: 1 event that no seal covers: e1");
        assert_eq!(found[1], "missing: seal 2 covers 2 events: 1 are left");
    }
}

#[test]
fn events_that_are_of_another_date_are_moved() {
    let stray = Stored { bytes: event("e3", 1).bytes.replace("09-28", "09-27"), ..event("e3", 1) };
    let moved = StoredDay::simple().with(|day| day.events.push(stray.clone()));
    let detail = "moved: 1 event of another date, which seal 2 does not cover: e3";
    assert_eq!(moved.found(), [detail]);
    // Heroku may list an event under another day. Then the seal covers it.
    let listed = StoredDay::published(&[1], vec![event("e1", 1), stray], vec![]);
    assert_eq!(listed.found(), nothing());
}

#[test]
fn each_seal_of_a_day_covers_the_events_of_its_own_time() {
    let stored = StoredDay::with_late_events();
    // The late event, and one of the first reading.
    let late = stored.clone().with(|day| _ = day.events.remove(1));
    assert_eq!(
        late.found(),
        ["missing: seal 3 covers 3 events: 2 are left; a later seal differs, too"]
    );
    let first = stored.clone().with(|day| _ = day.events.remove(0));
    assert_eq!(
        first.found(),
        ["missing: seal 2 covers 2 events: 1 are left; 2 later seals differ, too"]
    );
    // An event that was there from the beginning must not pass for a late one.
    let dated = stored.with(|day| day.events[0].attempt = 3);
    assert_eq!(dated.found(), ["missing: seal 2 covers 2 events: 1 are left"]);
}

#[test]
fn rows_of_an_attempt_that_did_not_publish_are_unsealed_and_no_problem() {
    let crashed = StoredDay::simple()
        .with_ledger(|row| (row.status, row.attempt) = (Status::Processing, 2))
        .with(|day| {
            day.events.push(event("e3", 2));
            day.conflicts.push(conflict("e2", 2));
        });
    let checked = crashed.check();
    assert_eq!((said(&checked), checked.unsealed), (nothing(), 2));
    // On a complete day, or beyond the day's last attempt, no crash explains them.
    let complete = crashed.clone().with_ledger(|row| row.status = Status::Success);
    let found = complete.found();
    assert_eq!(found[0], "added: 1 event that no seal covers: e3");
    assert_eq!(found[1], "added: 1 conflict that no seal covers: e2");
    let beyond = crashed.with(|day| day.events[2].attempt = 3);
    assert_eq!(beyond.found(), ["added: 1 event that no seal covers: e3"]);
}

#[test]
fn a_first_attempt_that_crashed_leaves_no_problem() {
    let mut crashed = StoredDay::simple().with_ledger(|row| {
        (row.status, row.events, row.digest, row.is_read) = (Status::Error, None, None, false);
    });
    crashed.seals.clear();
    let checked = crashed.check();
    assert_eq!((said(&checked), checked.unsealed, checked.is_sealed), (nothing(), 3, false));
    crashed.ledger = None;
    assert_eq!(
        crashed.found(),
        [
            "added: 2 events that no seal covers: e1, e2",
            "added: 1 conflict that no seal covers: e1"
        ]
    );
}

#[test]
fn conflicts_are_counted_and_hashed_like_events() {
    let simple = StoredDay::simple();
    let gone = simple.clone().with(|day| day.conflicts.clear());
    assert_eq!(gone.found(), ["missing: seal 2 covers 1 conflict: 0 are left"]);
    let other = simple.clone().with(|day| {
        day.conflicts[0].bytes = day.conflicts[0].bytes.replace("other", "forged");
    });
    assert_eq!(
        other.found(),
        ["altered: seal 2 covers 1 conflict: as many are stored, and they are others"]
    );
    let more = simple.with(|day| day.conflicts.push(conflict("e2", 1)));
    assert_eq!(more.found(), ["added: seal 2 covers 1 conflict: 2 are stored"]);
    let late = StoredDay::with_late_events().with(|day| day.conflicts[1].attempt = 4);
    assert_eq!(late.found(), ["missing: seal 3 covers 2 conflicts: 1 are left"]);
}

#[test]
fn a_conflict_under_another_id_is_altered_although_its_hash_is_right() {
    let stored = StoredDay::simple().with(|day| day.conflicts[0].id = "e2");
    assert_eq!(stored.found(), ["altered: 1 conflict whose id or hash contradicts the bytes: e2"]);
}

#[test]
fn a_row_that_says_it_came_after_its_seal_is_altered() {
    let stored = StoredDay::simple();
    let late: fn(&mut EventRow<'_>) = |row| row.first_seen_at = BEGIN + 3;
    let found = said(&stored.check_seeing(Ok(day()), late));
    let why = "recorded as first seen after the covering seal";
    assert_eq!(found, [format!("altered: 2 rows {why}: e1, e2")]);
    let at_once: fn(&mut EventRow<'_>) = |row| row.first_seen_at = BEGIN + 2;
    assert_eq!(said(&stored.check_seeing(Ok(day()), at_once)), nothing());
}

#[test]
fn a_seal_that_skips_a_publication_shows_that_one_is_missing() {
    let stored = StoredDay::with_late_events().with(|day| _ = day.seals.remove(1));
    assert_eq!(
        stored.found()[0],
        "missing: seal 4 follows attempt 3, and the chain has attempt 1 there"
    );
}

#[test]
fn a_day_without_a_date_is_named_in_the_detail() {
    let stored = StoredDay { ledger: None, seals: vec![], ..StoredDay::simple() };
    let checked = stored.check_seeing(Err("infinity".to_owned()), |_| ());
    assert_eq!(checked.problems[0].date, None);
    assert_eq!(
        checked.problems[0].detail,
        "the day infinity: 2 events that no seal covers: e1, e2"
    );
}
