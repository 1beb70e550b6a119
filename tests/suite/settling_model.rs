//! When a day settles, against a small model: random readings, some of which break off, on the real
//! SQL.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auditsync::config::{Filter, Scope, SourceName};
use auditsync::day::{DateRange, DayKey, end};
use auditsync::event::Event;
use auditsync::store::{
    Actor, AttemptStats, Claim, Claimable, Holder, Lease, Provenance, Publication, Published,
    Reader, ResetRequest, Store, StoredNames, Via,
};
use bytes::Bytes;
use chrono::TimeDelta;
use pg_cluster::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::support::date;

const LAST_RECHECK: Duration = Duration::from_hours(72);

/// What a reading brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brings {
    Nothing,
    AnEvent,
    AConflict,
    /// The last conflict once more.
    TheSameConflict,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Published,
    Killed,
    Released,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A reading that began this many hours after the day's end.
    Reading {
        hours: i64,
        brings: Brings,
        ends: Ends,
    },
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let hours = prop_oneof![Just(1_i64), Just(71), Just(72), Just(100)];
    let brings = prop_oneof![
        3 => Just(Brings::Nothing),
        1 => Just(Brings::AnEvent),
        1 => Just(Brings::AConflict),
        1 => Just(Brings::TheSameConflict),
    ];
    let ends =
        prop_oneof![4 => Just(Ends::Published), 1 => Just(Ends::Killed), 1 => Just(Ends::Released)];
    prop_oneof![
        8 => (hours, brings, ends)
            .prop_map(|(hours, brings, ends)| Step::Reading { hours, brings, ends }),
        1 => Just(Step::Reset),
    ]
}

/// The model: a day settles with a reading at the last age or later that brings nothing since the
/// last complete one. A first complete reading at that age settles it alone. A settled day stays
/// settled until a reset.
#[derive(Debug, Default)]
struct Model {
    complete_once: bool,
    settled: bool,
    new_events: u32,
    new_conflicts: u32,
    conflicts: u32,
}

impl Model {
    fn brings(&mut self, brings: Brings) {
        match brings {
            Brings::AnEvent => self.new_events += 1,
            Brings::AConflict => {
                self.conflicts += 1;
                self.new_conflicts += 1;
            }
            Brings::Nothing | Brings::TheSameConflict => {}
        }
    }

    fn publishes(&mut self, hours: i64) -> u32 {
        let is_late_enough = hours >= LAST_RECHECK.as_secs() as i64 / 3600;
        let brought_nothing = self.new_events == 0 && self.new_conflicts == 0;
        self.settled |= is_late_enough && (!self.complete_once || brought_nothing);
        let late = if self.complete_once { self.new_events } else { 0 };
        (self.complete_once, self.new_events, self.new_conflicts) = (true, 0, 0);
        late
    }
}

struct Real {
    store: Store,
    reader: Reader,
    key: DayKey,
    scope: Scope,
    written: u32,
}

impl Real {
    async fn claim(&self) -> Lease {
        let rows = self
            .reader
            .ledger(&StoredNames::default().and(["model"]), DateRange::of(self.key.date))
            .await
            .expect("the row");
        let row = rows.iter().find(|row| row.date == self.key.date);
        let wanted = row.map_or(Claimable::Due, Claimable::of);
        match self
            .store
            .claim(&self.key, &self.scope, Duration::from_mins(10), wanted)
            .await
            .expect("a claim")
        {
            Claim::Claimed(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn step(
        &mut self,
        step: Step,
        model: &mut Model,
        database: &Database,
    ) -> Result<(), TestCaseError> {
        let Step::Reading { hours, brings, ends } = step else {
            let actor = Actor { by: "the model", reason: None };
            let request = ResetRequest { force: true, actor };
            self.store.reset(&self.key, request).await.expect("a reset");
            model.settled = false;
            return Ok(());
        };
        let lease = self.claim().await;
        self.write(&lease, brings, model).await;
        model.brings(brings);
        match ends {
            Ends::Published => {
                let published = self.publish(lease, hours).await;
                let late = model.publishes(hours);
                prop_assert_eq!((published.settled, published.late_events), (model.settled, late));
            }
            Ends::Released => {
                self.store.release(lease, AttemptStats::default()).await.expect("it is released");
            }
            Ends::Killed => {
                let sql = "UPDATE audit_events_log SET locked_until = clock_timestamp() \
                    WHERE status = 'PROCESSING'";
                database.psql(sql).expect("an update");
            }
        }
        Ok(())
    }

    /// Writes the event that conflicts refer to.
    async fn write_first(&self) {
        let lease = self.claim().await;
        let text = format!(r#"{{"id":"{}"}}"#, self.key.date);
        let first = Event::from_bytes(Bytes::from(text)).expect("an event");
        self.store.write_events(&lease, &[&first], Via::Api).await.expect("it is written");
        self.store.release(lease, AttemptStats::default()).await.expect("it is released");
    }

    async fn write(&mut self, lease: &Lease, brings: Brings, model: &Model) {
        let day = self.key.date;
        let text = match brings {
            Brings::Nothing => return,
            Brings::AnEvent => {
                self.written += 1;
                format!(r#"{{"id":"{day}-{}"}}"#, self.written)
            }
            Brings::AConflict => format!(r#"{{"id":"{day}","x":{}}}"#, model.conflicts),
            Brings::TheSameConflict if model.conflicts == 0 => return,
            Brings::TheSameConflict => format!(r#"{{"id":"{day}","x":{}}}"#, model.conflicts - 1),
        };
        let event = Event::from_bytes(Bytes::from(text)).expect("an event");
        self.store.write_events(lease, &[&event], Via::Api).await.expect("it is written");
    }

    async fn publish(&self, lease: Lease, hours: i64) -> Published {
        let began = Some(end(self.key.date) + TimeDelta::hours(hours));
        let (stats, last_recheck) = (AttemptStats::default(), Some(LAST_RECHECK));
        let publication = Publication {
            scope: &self.scope,
            stats,
            as_of: began,
            settles_as_of: began,
            last_recheck,
            provenance: &Provenance::default(),
            note: None,
        };
        self.store.publish(lease, publication).await.expect("it is published")
    }
}

#[test]
fn a_day_settles_exactly_when_the_model_says() {
    let database = pg_cluster::fresh_database();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let reader = runtime.block_on(Reader::connect(database.url(), 2)).expect("a connection");
    let store = Store::new(&reader, &Holder { run_id: Uuid::new_v4(), place: "model".into() });
    runtime.block_on(store.migrate()).expect("a schema");
    let next_day = AtomicU32::new(0);
    let steps = proptest::collection::vec(step(), 1..12);
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(60) });
    let result = runner.run(&steps, |steps| {
        let day = date("2020-01-01")
            + chrono::Days::new(u64::from(next_day.fetch_add(1, Ordering::Relaxed)));
        let key = DayKey::new(&SourceName::parse("model").expect("a name"), day);
        let scope = Scope { account: "model".into(), team: None, filter: Filter::default() };
        let mut real =
            Real { store: store.clone(), reader: reader.clone(), key, scope, written: 0 };
        let mut model = Model::default();
        runtime.block_on(async {
            real.write_first().await;
            for step in steps {
                real.step(step, &mut model, &database).await?;
            }
            Ok(())
        })
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
