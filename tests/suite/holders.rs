//! What the store tells a holder, statement by statement, while others lock, delete or forbid.

use std::time::Duration;

use auditsync::config::{Filter, Scope, SourceName};
use auditsync::day::DayKey;
use auditsync::event::Event;
use auditsync::store::{
    AttemptStats, Claim, Claimable, Error, Holder, Lease, Provenance, Publication, Published,
    Reader, Store, Unpublished, Via,
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
    /// A claimed day with the events `a` and `b`.
    async fn with_two_events() -> (Self, Lease) {
        let place = Self::new().await;
        let lease = place.claim(Claimable::Due).await;
        place.write(&lease, "a").await;
        place.write(&lease, "b").await;
        (place, lease)
    }

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
            .expect("a claim does not wait for long")
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
        let stats = AttemptStats { new_events, ..AttemptStats::default() };
        let scope = &self.scope;
        let publication = Publication {
            scope,
            stats,
            as_of: None,
            settles_as_of: None,
            last_recheck: None,
            provenance: &Provenance::default(),
            note: None,
        };
        self.store.publish(lease, publication).await
    }

    /// Executes this in another session's transaction, which stays open.
    fn other_session(&self, sql: &str) -> Session {
        let mut session = self.world.session(self.world.database.url());
        session.ask(&format!("BEGIN; {sql}"));
        session
    }
}

const A_ROW: &str = "INSERT INTO audit_events_log (source, process_date, status) \
    VALUES ('acme', '2024-09-28', 'PENDING')";

#[tokio::test]
async fn a_claim_of_a_manually_locked_row_ends_with_the_holder_s_name() {
    let inserted = Place::new().await;
    let locked = Place::new().await;
    locked.world.sql(A_ROW);
    let sessions = [
        inserted.other_session(A_ROW),
        locked.other_session("SELECT FROM audit_events_log FOR UPDATE"),
    ];
    let claims = tokio::join!(inserted.try_claim(Claimable::Due), locked.try_claim(Claimable::Due));
    for claim in [claims.0, claims.1] {
        let error = claim.expect_err("it has no lease");
        assert!(
            matches!(&error, Error::Locked { holder, .. } if holder.contains("a row of the table \
                audit_events_log")),
            "{error}"
        );
    }
    drop(sessions);
    locked.claim(Claimable::Due).await;
}

#[tokio::test]
async fn a_claim_that_the_database_forbids_is_an_error_and_not_a_held_day() {
    let place = Place::new().await;
    place.world.sql("ALTER TABLE audit_events_log ADD CONSTRAINT closed CHECK (attempt < 0)");
    let forbidden = place.try_claim(Claimable::Due).await;
    assert!(
        matches!(&forbidden, Err(error) if error.to_string().contains("closed")),
        "{forbidden:?}"
    );
}

#[tokio::test]
async fn a_day_that_lost_confirmed_events_is_not_published_and_is_due_again() {
    let (place, lease) = Place::with_two_events().await;
    let unpublished = place.publish(lease, 3).await.expect_err("an event is missing");
    assert!(
        matches!(unpublished.error, Error::EventsVanished { confirmed: 3, stored: 2 }),
        "{}",
        unpublished.error
    );
    let lease = unpublished.lease.expect("the lease is still held");
    place.store.release(lease, AttemptStats::default()).await.expect("it is released");

    // Events that were stored at the claim count as confirmed too.
    let lease = place.claim(Claimable::Due).await;
    let unpublished = place.publish(lease, 1).await.expect_err("an event is missing");
    assert!(
        matches!(unpublished.error, Error::EventsVanished { confirmed: 3, stored: 2 }),
        "{}",
        unpublished.error
    );
    let published = place
        .publish(unpublished.lease.expect("the lease is still held"), 0)
        .await
        .expect("a complete day");
    assert_eq!((published.events, published.late_events), (2, 0));
}

#[tokio::test]
async fn more_events_in_a_reread_complete_day_are_recorded_as_late() {
    let (place, lease) = Place::with_two_events().await;
    let published = place.publish(lease, 2).await.expect("a complete day");
    assert_eq!((published.events, published.late_events), (2, 0));
    let lease = place.claim(Claimable::Complete { attempt: 1 }).await;
    place.write(&lease, "c").await;
    let published = place.publish(lease, 1).await.expect("a complete day");
    assert_eq!((published.events, published.late_events), (3, 1));
    let history = "SELECT attempt, events, new_events, late_events FROM audit_history \
        WHERE action = 'publish' ORDER BY id";
    assert_eq!(place.world.sql(history), "1|2|2|\n2|3|1|1");
}

#[tokio::test]
async fn a_renewal_without_a_lease_ends_trust_unless_it_was_released() {
    let place = Place::new().await;
    let lease = place.claim(Claimable::Due).await;
    let renewal = lease.renewal();
    place.store.renew(&renewal).await.expect("a renewal");
    place.store.release(lease, AttemptStats::default()).await.expect("it is released");
    let late = place.store.renew(&renewal).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    assert!(renewal.trust().holds(), "nothing was lost");

    let lease = place.claim(Claimable::Due).await;
    place.world.expire_leases();
    let late = place.store.renew(&lease.renewal()).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    assert!(!lease.trust().holds());
}

#[tokio::test]
async fn nothing_is_written_under_an_expired_lease() {
    let place = Place::new().await;
    let lease = place.claim(Claimable::Due).await;
    place.world.expire_leases();
    let event = Event::from_bytes(Bytes::from_static(br#"{"id":"a"}"#)).expect("an event");
    let late = place.store.write_events(&lease, &[&event], Via::Api).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    assert_eq!(place.world.sql("SELECT count(*) FROM audit_events"), "0");
}
