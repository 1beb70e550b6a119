//! The row of the ledger against the seals of its day.

use super::*;

/// What is said about a row after a change.
type ChangedRow = (&'static str, fn(&mut LedgerFacts));

/// The same day after a reset by hand.
fn reset(stored: StoredDay) -> StoredDay {
    let attempt = stored.row().attempt;
    stored
        .with(|day| day.seals.push(seal(9, of_kind(SealKind::Reset, attempt))))
        .with_ledger(|row| row.status = Status::Pending)
}

#[test]
fn each_column_that_a_seal_covers_is_compared() {
    let cases: [ChangedRow; 9] = [
        ("the ledger has attempt 0, and 1 was sealed", |row| row.attempt = 0),
        ("the status is PENDING and nobody reset it", |row| row.status = Status::Pending),
        ("the status is FAILED and nobody reset it", |row| row.status = Status::Failed),
        ("the ledger counts 3 events, not 2", |row| row.events = Some(3)),
        ("the ledger counts no events, not 2", |row| row.events = None),
        ("the ledger has another digest than was sealed", |row| row.digest = Some(vec![])),
        ("the ledger has another digest than was sealed", |row| row.digest = None),
        ("the ledger has another scope than was sealed", |row| row.scope = None),
        ("the ledger has another scope than was sealed", |row| {
            row.scope = Some(r#"{"account":"globex"}"#.to_owned());
        }),
    ];
    for (wanted, change) in cases {
        let found = StoredDay::simple().with_ledger(change).found();
        assert_eq!(found, [format!("altered: {wanted} (seal 2)")]);
    }
}

#[test]
fn a_status_that_no_version_writes_is_altered() {
    let odd = StoredDay::simple().with_ledger(|row| row.status = Status::from("XX".to_owned()));
    assert_eq!(odd.found(), ["altered: the status is XX and nobody reset it (seal 2)"]);
    let later = odd.with_ledger(|row| row.attempt = 2);
    assert_eq!(later.found(), ["altered: the status is `XX` (seal 2)"]);
}

#[test]
fn a_later_attempt_on_a_complete_day_is_unsealed() {
    let later = StoredDay::simple().with_ledger(|row| row.attempt = 2);
    assert_eq!(
        later.found(),
        ["unsealed: the ledger says SUCCESS for attempt 2, and the last seal is of attempt 1 \
          (seal 2)"]
    );
    let statuses = [Status::Processing, Status::Pending, Status::Failed, Status::Error];
    for status in statuses {
        let due = StoredDay::simple().with_ledger(|row| (row.status, row.attempt) = (status, 2));
        assert_eq!(due.found(), nothing(), "an attempt that did not publish");
    }
}

#[test]
fn a_day_that_was_reset_is_due_until_it_is_published_again() {
    let due = reset(StoredDay::simple());
    assert_eq!(due.found(), nothing());
    for status in [Status::Success, Status::Failed, Status::Processing] {
        let wanted = format!("altered: the status is {status} after the reset of the day (seal 9)");
        assert_eq!(due.clone().with_ledger(|row| row.status = status).found(), [wanted]);
    }
    // The reset is not the last word once the day is published again.
    let again = StoredDay::with_late_events().with(|day| {
        day.seals.insert(1, seal(3, of_kind(SealKind::Reset, 1)));
    });
    assert_eq!(again.found(), nothing());
}

#[test]
fn the_attempt_of_a_reset_counts_as_sealed() {
    // Attempt 2 failed, and was reset.
    let due = StoredDay::simple().with_ledger(|row| row.attempt = 2);
    let due = reset(due);
    assert_eq!(due.found(), nothing());
    let earlier = due.with_ledger(|row| row.attempt = 1);
    assert_eq!(earlier.found(), ["altered: the ledger has attempt 1, and 2 was sealed (seal 9)"]);
}

#[test]
fn a_day_without_its_row_is_missing_if_a_seal_is_of_it() {
    let gone = "missing: the ledger has no row of this day, and the chain has a seal of it";
    for stored in [StoredDay::simple(), StoredDay::adopted()] {
        assert_eq!(stored.with(|day| day.ledger = None).found(), [gone]);
    }
    let nowhere = StoredDay::published(&[], vec![], vec![]).with(|day| day.ledger = None);
    assert_eq!(nowhere.found(), nothing());
}

#[test]
fn a_row_that_was_made_again_contradicts_the_seal_until_it_is_published() {
    let claimed = StoredDay::simple().with_ledger(|row| {
        let (events, digest) = (None, None);
        *row = LedgerFacts {
            status: Status::Processing,
            attempt: 2,
            events,
            digest,
            is_read: false,
            ..row.clone()
        };
    });
    assert_eq!(
        claimed.found(),
        [
            "altered: the ledger counts no events, not 2 (seal 2)",
            "altered: the ledger has another digest than was sealed (seal 2)"
        ]
    );
}

#[test]
fn a_complete_day_without_a_seal_is_one_problem() {
    let stored = StoredDay::simple().with(|day| day.seals.clear());
    let checked = stored.check();
    assert_eq!(said(&checked), ["unsealed: the day is SUCCESS, and no seal says so"]);
    assert_eq!((checked.is_sealed, checked.unsealed), (false, 3));
}

#[test]
fn an_adopted_day_is_a_baseline_until_it_is_published() {
    let adopted = StoredDay::adopted();
    let checked = adopted.check();
    assert_eq!(said(&checked), nothing());
    assert_eq!((checked.is_baseline, checked.is_sealed), (true, false));
    let failed = adopted.clone().with_ledger(|row| {
        (row.status, row.attempt) = (Status::Failed, 1);
    });
    assert_eq!(failed.found(), nothing(), "an attempt to read it");
    assert_eq!(reset(adopted.clone()).found(), nothing());
    let mut read = StoredDay::simple();
    read.seals.insert(0, adopted.seals[0].clone());
    let checked = read.check();
    assert_eq!((said(&checked), checked.is_baseline), (nothing(), false));
}

#[test]
fn an_adopted_row_that_is_not_as_the_logger_left_it_is_found() {
    let adopted = "altered: the row is not the one that was adopted (seal 2)";
    let cases: [ChangedRow; 8] = [
        (adopted, |row| row.events = Some(8)),
        (adopted, |row| row.events = None),
        (adopted, |row| row.digest = Some(vec![0; 32])),
        (adopted, |row| row.scope = Some(SCOPE.to_owned())),
        ("altered: the status is PENDING which the adoption did not leave (seal 2)", |row| {
            row.status = Status::Pending;
        }),
        (
            "unsealed: the ledger says SUCCESS for attempt 1, and the last seal is of attempt 0 \
             (seal 2)",
            |row| row.attempt = 1,
        ),
        ("altered: the ledger has attempt -1, and 0 was sealed (seal 2)", |row| row.attempt = -1),
        ("unsealed: the day is SUCCESS, and no seal says so", |row| row.is_read = true),
    ];
    for (wanted, change) in cases {
        assert_eq!(StoredDay::adopted().with_ledger(change).found(), [wanted]);
    }
    let complete = reset(StoredDay::adopted()).with_ledger(|row| row.status = Status::Success);
    assert_eq!(
        complete.found(),
        ["altered: the status is SUCCESS after the reset of the day (seal 9)"]
    );
}

#[test]
fn an_adopted_failure_is_due_and_no_complete_day() {
    let body = r#"{"status":"FAILED","events_count":0}"#.to_owned();
    let failed = StoredDay::adopted()
        .with(|day| day.seals[0].sealed.body = body)
        .with_ledger(|row| (row.status, row.events) = (Status::Pending, None));
    assert_eq!(failed.found(), nothing());
    let complete = failed.with_ledger(|row| row.status = Status::Success);
    assert_eq!(
        complete.found(),
        ["altered: the status is SUCCESS which the adoption did not leave (seal 2)"]
    );
}

#[test]
fn a_second_row_of_a_day_is_added() {
    let twice = StoredDay::simple().with(|day| day.other_rows = 1);
    assert_eq!(twice.found(), ["added: the ledger has 2 rows of this day"]);
}
