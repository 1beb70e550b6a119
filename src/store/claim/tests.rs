use super::*;
use crate::config::SourceName;

fn state(status: Status, locked_by: Option<&str>) -> RowState {
    RowState { status, attempt: 3, locked_by: locked_by.map(str::to_owned) }
}

fn claim_of(status: Status, locked_by: Option<&str>, live: bool) -> Result<Option<Claim>> {
    let key = DayKey::new(
        &SourceName::parse("acme").expect("a name"),
        "2024-09-28".parse().expect("a date"),
    );
    not_claimed(&key, ReadRow { state: state(status, locked_by), events: Some(7), live })
}

#[test]
fn a_complete_day_is_claimed_by_its_attempt_and_any_other_as_due() {
    let row = |status| LedgerRow {
        source: "acme".into(),
        stored_as: "acme".into(),
        date: "2024-09-28".parse().expect("a date"),
        status,
        attempt: 3,
        events: None,
        locked_by: None,
        live: false,
        endless: false,
        error: None,
        updated_at: chrono::DateTime::UNIX_EPOCH,
        synced_at: None,
        settled: false,
        adopted: false,
        other_scope: false,
    };
    let complete = Claimable::of(&row(Status::Success));
    assert_eq!((complete, complete.attempt()), (Claimable::Complete { attempt: 3 }, Some(3)));
    let adopted = Claimable::of(&LedgerRow { adopted: true, ..row(Status::Success) });
    assert_eq!(adopted, Claimable::Due);
    for status in [Status::Pending, Status::Failed, Status::Error, Status::Processing] {
        let due = Claimable::of(&row(status));
        assert_eq!((due, due.attempt()), (Claimable::Due, None));
    }
}

#[test]
fn a_takeover_names_the_holder_that_lost_the_day() {
    assert_eq!(
        abandoned(&state(Status::Processing, Some("ada"))).as_deref(),
        Some("the lease of ada on attempt 3 had run out")
    );
    assert_eq!(
        abandoned(&state(Status::Processing, None)).as_deref(),
        Some("the lease of nobody on attempt 3 had run out")
    );
    for status in [Status::Pending, Status::Failed, Status::Error, Status::Success] {
        assert_eq!(abandoned(&state(status, Some("ada"))), None);
    }
}

#[test]
fn an_unclaimed_day_is_complete_held_or_broken_or_looked_at_again() {
    let complete = claim_of(Status::Success, None, false);
    assert!(
        matches!(complete, Ok(Some(Claim::AlreadyComplete { events: 7, attempt: 3 }))),
        "{complete:?}"
    );
    let held = claim_of(Status::Processing, Some("ada"), true);
    assert!(matches!(&held, Ok(Some(Claim::HeldBy(holder))) if holder == "ada"), "{held:?}");
    let broken = claim_of(Status::Unknown("DONE".into()), Some("ada"), true);
    assert!(
        matches!(&broken, Err(Error::BrokenRow { problem, .. }) if problem.contains("DONE")),
        "{broken:?}"
    );
    for (status, locked_by, live) in [
        (Status::Pending, None, false),
        (Status::Processing, Some("ada"), false),
        (Status::Processing, None, true),
        (Status::Failed, None, false),
    ] {
        let again = claim_of(status, locked_by, live);
        assert!(matches!(again, Ok(None)), "{again:?}");
    }
}
