//! What a holder is told by the store, statement by statement, where others lock, delete or forbid.

use std::time::Duration;

use auditsync::config::{Filter, Scope, SourceName};
use auditsync::day::DayKey;
use auditsync::event::Event;
use auditsync::store::{
    Claim, Claimable, Error, Holder, Lease, Publication, Published, Reader, Store, Totals,
    Unpublished, Via,
};
use bytes::Bytes;
use uuid::Uuid;

use crate::support::{ACME, DAY, Session, World, date};

/// A store on a migrated database, and the day that it works on.
struct Place {
    world: World,
    store: Store,
    key: DayKey,
    scope: Scope,
}

impl Place {
    async fn new() -> Self {
        let world = World::new(ACME);
        let reader = Reader::connect(world.database.url(), 2).await.expect("a connection");
        let store = Store::new(&reader, &Holder { run_id: Uuid::new_v4(), place: "here".into() });
        store.migrate().await.expect("a schema");
        let key = DayKey::new(&SourceName::parse("acme").expect("a name"), date(DAY));
        let scope = Scope { account: "acme".into(), team: None, filter: Filter::default() };
        Self { world, store, key, scope }
    }

    async fn try_claim(&self, wanted: Claimable) -> Result<Claim, Error> {
        let claim = self.store.claim(&self.key, &self.scope, Duration::from_mins(10), wanted);
        tokio::time::timeout(Duration::from_secs(30), claim)
            .await
            .expect("a claim keeps nobody waiting for long")
    }

    async fn claim(&self, wanted: Claimable) -> Lease {
        match self.try_claim(wanted).await.expect("a claim is answered") {
            Claim::Claimed(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn write(&self, lease: &Lease, id: &str) {
        let event =
            Event::from_bytes(Bytes::from(format!(r#"{{"id":"{id}"}}"#))).expect("an event");
        self.store.write_events(lease, &[&event], Via::Api).await.expect("the event is written");
    }

    async fn publish(&self, lease: Lease, new_events: u32) -> Result<Published, Unpublished> {
        let totals = Totals { new_events, ..Totals::default() };
        let scope = &self.scope;
        let publication = Publication {
            scope,
            totals,
            as_of: None,
            settles_as_of: None,
            last_recheck: None,
            note: None,
        };
        self.store.publish(lease, publication).await
    }

    /// Has somebody do this in a transaction that stays open.
    fn somebody(&self, sql: &str) -> Session {
        let mut session = self.world.session(self.world.database.url());
        session.ask(&format!("BEGIN; {sql}"));
        session
    }
}

const A_ROW: &str = "INSERT INTO audit_events_log (source, process_date, status) VALUES ('acme', '2024-09-28', 'PENDING')";

#[tokio::test]
async fn a_claim_of_a_row_that_a_person_has_locked_ends_with_the_holder_s_name() {
    let inserted = Place::new().await;
    let locked = Place::new().await;
    locked.world.sql(A_ROW);
    let sessions =
        [inserted.somebody(A_ROW), locked.somebody("SELECT FROM audit_events_log FOR UPDATE")];
    let claims = tokio::join!(inserted.try_claim(Claimable::Due), locked.try_claim(Claimable::Due));
    for claim in [claims.0, claims.1] {
        let error = claim.expect_err("nobody has a lease on it");
        assert!(
            matches!(&error, Error::Locked { by, .. } if by.contains("a row of the table audit_events_log")),
            "{error}"
        );
    }
    drop(sessions);
    locked.claim(Claimable::Due).await;
}

#[tokio::test]
async fn a_claim_that_the_database_forbids_is_an_error_and_no_other_process_s() {
    let place = Place::new().await;
    place.world.sql("ALTER TABLE audit_events_log ADD CONSTRAINT closed CHECK (attempt < 0)");
    let forbidden = place.try_claim(Claimable::Due).await;
    assert!(
        matches!(&forbidden, Err(error) if error.to_string().contains("closed")),
        "{forbidden:?}"
    );
}

#[tokio::test]
async fn a_day_of_which_confirmed_events_are_gone_is_not_published_and_comes_back() {
    let place = Place::new().await;
    let lease = place.claim(Claimable::Due).await;
    place.write(&lease, "a").await;
    place.write(&lease, "b").await;
    let unpublished = place.publish(lease, 3).await.expect_err("one is gone");
    assert!(
        matches!(unpublished.error, Error::EventsVanished { confirmed: 3, stored: 2 }),
        "{}",
        unpublished.error
    );
    let lease = unpublished.lease.expect("it was not used up");
    place.store.release(lease, Totals::default()).await.expect("it is given back");

    // Those that were there at the claim count as confirmed too.
    let lease = place.claim(Claimable::Due).await;
    let unpublished = place.publish(lease, 1).await.expect_err("one is gone");
    assert!(
        matches!(unpublished.error, Error::EventsVanished { confirmed: 3, stored: 2 }),
        "{}",
        unpublished.error
    );
    let published = place
        .publish(unpublished.lease.expect("it was not used up"), 0)
        .await
        .expect("a whole day");
    assert_eq!((published.events, published.late_events), (2, 0));
}

#[tokio::test]
async fn what_a_whole_day_has_more_when_it_was_read_again_came_late_and_stands_so_in_the_history() {
    let place = Place::new().await;
    let lease = place.claim(Claimable::Due).await;
    place.write(&lease, "a").await;
    place.write(&lease, "b").await;
    let published = place.publish(lease, 2).await.expect("a whole day");
    assert_eq!((published.events, published.late_events), (2, 0));
    let lease = place.claim(Claimable::Whole { attempt: 1 }).await;
    place.write(&lease, "c").await;
    let published = place.publish(lease, 1).await.expect("a whole day");
    assert_eq!((published.events, published.late_events), (3, 1));
    let history = "SELECT attempt, events, new_events, late_events FROM audit_history WHERE action = 'publish' ORDER BY id";
    assert_eq!(place.world.sql(history), "1|2|2|\n2|3|1|1");
}

#[tokio::test]
async fn a_beat_that_finds_the_lease_gone_ends_the_trust_in_it_unless_its_holder_gave_it_back() {
    let place = Place::new().await;
    let lease = place.claim(Claimable::Due).await;
    let pulse = lease.renewal();
    place.store.renew(&pulse).await.expect("a beat");
    place.store.release(lease, Totals::default()).await.expect("it is given back");
    let late = place.store.renew(&pulse).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    assert!(pulse.trust().holds(), "nothing was lost");

    let lease = place.claim(Claimable::Due).await;
    place.world.sql("UPDATE audit_events_log SET locked_until = clock_timestamp()");
    let late = place.store.renew(&lease.renewal()).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    assert!(!lease.trust().holds());
}

#[tokio::test]
async fn nothing_is_written_under_a_lease_that_has_run_out() {
    let place = Place::new().await;
    let lease = place.claim(Claimable::Due).await;
    place.world.sql("UPDATE audit_events_log SET locked_until = clock_timestamp()");
    let event = Event::from_bytes(Bytes::from_static(br#"{"id":"a"}"#)).expect("an event");
    let late = place.store.write_events(&lease, &[&event], Via::Api).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    assert_eq!(place.world.sql("SELECT count(*) FROM audit_events"), "0");
}
