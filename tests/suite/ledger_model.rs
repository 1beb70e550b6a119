//! The ledger's states against a small model: random interleavings of several holders on the real
//! SQL.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auditsync::config::{Filter, Scope, SourceName};
use auditsync::day::{DateRange, DayKey};
use auditsync::event::Event;
use auditsync::ledger::{FailureStatus, ResetOutcome};
use auditsync::store::{
    Actor, AttemptStats, Claim, Claimable, Error, Holder, Lease, Provenance, Publication, Reader,
    ResetRequest, Store, StoredNames, Via,
};
use bytes::Bytes;
use pg_cluster::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

/// What the events were read from makes no difference here.
static UNKNOWN: Provenance =
    Provenance { request_id: None, archive: None, kept_as: None, confirmed_by: None };

use crate::support::date;

const HOLDERS: usize = 3;
const TTL: Duration = Duration::from_mins(10);
const THE_MODEL: Actor<'static> = Actor { by: "the model", reason: None };

/// What happens to the day, and by which holder.
#[derive(Debug, Clone, Copy)]
enum Step {
    Claim(usize),
    /// Claims it even if it is complete, as of the present attempt or of an outdated one.
    ClaimWhole {
        holder: usize,
        outdated: bool,
    },
    Renew(usize),
    Write(usize),
    Publish(usize),
    Fail(usize),
    Release(usize),
    Expire,
    Reset {
        force: bool,
    },
    CleanUp,
}

fn step() -> impl Strategy<Value = Step> {
    let holder = 0..HOLDERS;
    prop_oneof![
        4 => holder.clone().prop_map(Step::Claim),
        2 => (holder.clone(), any::<bool>())
            .prop_map(|(holder, outdated)| Step::ClaimWhole { holder, outdated }),
        2 => holder.clone().prop_map(Step::Renew),
        3 => holder.clone().prop_map(Step::Write),
        2 => holder.clone().prop_map(Step::Publish),
        1 => holder.clone().prop_map(Step::Fail),
        1 => holder.prop_map(Step::Release),
        2 => Just(Step::Expire),
        1 => any::<bool>().prop_map(|force| Step::Reset { force }),
        1 => Just(Step::CleanUp),
    ]
}

/// The model of one day.
#[derive(Debug, Default)]
struct Model {
    status: Option<&'static str>,
    attempt: i32,
    /// The holder of the present attempt, while the day is PROCESSING.
    owner: Option<usize>,
    expired: bool,
    events: usize,
    history: usize,
}

impl Model {
    fn claim(&mut self, holder: usize, wanted: Claimable) -> &'static str {
        match self.status {
            Some("SUCCESS") if wanted != (Claimable::Complete { attempt: self.attempt }) => "whole",
            Some("PROCESSING") if !self.expired => "held",
            _ => {
                self.attempt += 1;
                self.history += 1;
                (self.status, self.owner, self.expired) = (Some("PROCESSING"), Some(holder), false);
                "claimed"
            }
        }
    }

    fn holds(&self, holder: usize, attempt: i32) -> bool {
        self.owner == Some(holder) && self.attempt == attempt && !self.expired
    }

    fn end(&mut self, status: &'static str) {
        (self.status, self.owner, self.expired) = (Some(status), None, false);
        self.history += 1;
    }

    fn reset(&mut self, force: bool) -> &'static str {
        match self.status {
            None => "no row",
            Some("PENDING") => "due already",
            Some("PROCESSING") if !self.expired && !force => "refused",
            Some(_) => {
                self.end("PENDING");
                "done"
            }
        }
    }
}

/// The real day through the store: a store and perhaps a lease for each holder.
struct Real<'d> {
    database: &'d Database,
    reader: Reader,
    stores: Vec<Store>,
    leases: Vec<Option<Lease>>,
    key: DayKey,
    scope: Scope,
    written: usize,
}

impl Real<'_> {
    async fn step(&mut self, step: Step, model: &mut Model) -> Result<(), TestCaseError> {
        match step {
            Step::Claim(holder) => self.claim(holder, Claimable::Due, model).await?,
            Step::ClaimWhole { holder, outdated } => {
                let attempt = model.attempt - i32::from(outdated);
                self.claim(holder, Claimable::Complete { attempt }, model).await?;
            }
            Step::Renew(holder) => {
                if let Some(lease) = &self.leases[holder] {
                    let holds = model.holds(holder, lease.attempt());
                    let renewed = self.stores[holder].renew(&lease.renewal()).await;
                    assert_fenced(holds, renewed.as_ref().copied())?;
                }
            }
            Step::Write(holder) => self.write(holder, model).await?,
            Step::Publish(holder) => self.publish(holder, model).await?,
            Step::Fail(holder) => self.end(holder, "FAILED", model).await?,
            Step::Release(holder) => self.end(holder, "PENDING", model).await?,
            Step::Expire => self.expire(model),
            Step::Reset { force } => {
                let request = ResetRequest { force, actor: THE_MODEL };
                let reset = self.stores[0].reset(&self.key, request).await;
                let answer = match reset.expect("a reset is answered") {
                    ResetOutcome::Reset { .. } => "done",
                    ResetOutcome::AlreadyDue => "due already",
                    ResetOutcome::NoRow => "no row",
                    ResetOutcome::Refused { .. } => "refused",
                };
                prop_assert_eq!(answer, model.reset(force));
            }
            Step::CleanUp => self.clean_up(model).await?,
        }
        self.compare(model).await
    }

    async fn write(&mut self, holder: usize, model: &mut Model) -> Result<(), TestCaseError> {
        let Some(lease) = &self.leases[holder] else { return Ok(()) };
        self.written += 1;
        // Each day has ids of its own, because an id is one event across all days of a source.
        let event = format!(r#"{{"id":"{}-{}"}}"#, self.key.date, self.written);
        let event = Event::from_bytes(Bytes::from(event)).expect("an event");
        let holds = model.holds(holder, lease.attempt());
        let written = self.stores[holder].write_events(lease, &[&event], Via::Api).await;
        assert_fenced(holds, written.as_ref().map(|_| ()))?;
        model.events += usize::from(holds);
        Ok(())
    }

    async fn publish(&mut self, holder: usize, model: &mut Model) -> Result<(), TestCaseError> {
        let Some(lease) = self.leases[holder].take() else { return Ok(()) };
        let holds = model.holds(holder, lease.attempt());
        let published = self.stores[holder].publish(lease, self.publication()).await;
        let result = published.as_ref().map(|_| ()).map_err(|unpublished| &unpublished.error);
        assert_fenced(holds, result)?;
        if holds {
            model.end("SUCCESS");
            prop_assert_eq!(published.expect("published").events as usize, model.events);
        }
        Ok(())
    }

    /// Ends the holder's attempt without publishing it.
    async fn end(
        &mut self,
        holder: usize,
        status: &'static str,
        model: &mut Model,
    ) -> Result<(), TestCaseError> {
        let Some(lease) = self.leases[holder].take() else { return Ok(()) };
        let holds = model.holds(holder, lease.attempt());
        let store = &self.stores[holder];
        let ended = match status {
            "FAILED" => {
                store.fail(lease, FailureStatus::Failed, "no", AttemptStats::default()).await
            }
            _ => store.release(lease, AttemptStats::default()).await,
        };
        assert_fenced(holds, ended.as_ref().copied())?;
        if holds {
            model.end(status);
        }
        Ok(())
    }

    fn expire(&self, model: &mut Model) {
        let sql = format!(
            "UPDATE audit_events_log SET locked_until = clock_timestamp() - interval '1 us'
             WHERE status = 'PROCESSING' AND process_date = '{}'",
            self.key.date
        );
        self.database.psql(&sql).expect("an update");
        model.expired |= model.status == Some("PROCESSING");
    }

    async fn clean_up(&self, model: &mut Model) -> Result<(), TestCaseError> {
        let stale = self.stores[0].clean_up(THE_MODEL).await.expect("a cleanup is answered");
        let is_stale = model.status == Some("PROCESSING") && model.expired;
        let cleaned = stale.iter().filter(|day| day.date == self.key.date).count();
        prop_assert_eq!(cleaned, usize::from(is_stale));
        if is_stale {
            model.end("ERROR");
        }
        Ok(())
    }

    async fn claim(
        &mut self,
        holder: usize,
        wanted: Claimable,
        model: &mut Model,
    ) -> Result<(), TestCaseError> {
        let claim = self.stores[holder].claim(&self.key, &self.scope, TTL, wanted).await;
        let (answer, lease) = match claim.expect("a claim is answered") {
            Claim::Claimed(lease) => ("claimed", Some(lease)),
            Claim::HeldBy(_) => ("held", None),
            Claim::AlreadyComplete { .. } => ("whole", None),
        };
        prop_assert_eq!(answer, model.claim(holder, wanted));
        if lease.is_some() {
            self.leases[holder] = lease;
        }
        Ok(())
    }

    fn publication(&self) -> Publication<'_> {
        let stats = AttemptStats::default();
        Publication {
            scope: &self.scope,
            stats,
            as_of: None,
            settles_as_of: None,
            last_recheck: None,
            provenance: &UNKNOWN,
            note: None,
        }
    }

    async fn compare(&self, model: &Model) -> Result<(), TestCaseError> {
        let (source, day) = (self.key.source.as_ref(), self.key.date);
        let rows = self
            .reader
            .ledger(&StoredNames::default().and([source]), DateRange::of(day))
            .await
            .expect("the row");
        let row = rows.iter().find(|row| row.date == self.key.date);
        prop_assert_eq!(row.map(|row| row.status.to_string()), model.status.map(str::to_owned));
        prop_assert_eq!(row.map_or(0, |row| row.attempt), model.attempt);
        prop_assert_eq!(row.is_some_and(|row| row.locked_by.is_some()), model.owner.is_some());
        prop_assert_eq!(row.is_some_and(|row| row.live), model.owner.is_some() && !model.expired);
        let counts = format!(
            "SELECT (SELECT count(*) FROM audit_events WHERE source = '{source}'
             AND process_date = '{day}'),
                    (SELECT count(*) FROM audit_history WHERE source = '{source}'
                    AND process_date = '{day}')"
        );
        let counts = self.database.psql(&counts).expect("two counts");
        prop_assert_eq!(counts.trim(), format!("{}|{}", model.events, model.history));
        Ok(())
    }
}

/// A holder's statement takes effect exactly when the model says that it holds the day. Otherwise
/// the store reports that the lease is lost.
fn assert_fenced(holds: bool, result: Result<(), &Error>) -> Result<(), TestCaseError> {
    match result {
        Ok(()) => prop_assert!(holds, "a statement took effect without its lease"),
        Err(Error::LeaseLost) => {
            prop_assert!(!holds, "a statement reported a lost lease to its holder");
        }
        Err(error) => prop_assert!(false, "{error}"),
    }
    Ok(())
}

#[test]
fn any_interleaving_of_holders_ends_as_the_model_says() {
    let database = pg_cluster::fresh_database();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let reader = runtime.block_on(Reader::connect(database.url(), 4)).expect("a connection");
    let store = |place: usize| {
        Store::new(&reader, &Holder { run_id: Uuid::new_v4(), place: place.to_string() })
    };
    runtime.block_on(store(0).migrate()).expect("a schema");

    let next_day = AtomicU32::new(0);
    let steps = proptest::collection::vec(step(), 1..25);
    // Each case takes some hundred statements. `PROPTEST_CASES` sets a larger number.
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases(40)) });
    let result = runner.run(&steps, |steps| {
        let date = date("1990-01-01")
            + chrono::Days::new(u64::from(next_day.fetch_add(1, Ordering::Relaxed)));
        let mut real = Real {
            database: &database,
            reader: reader.clone(),
            stores: (0..HOLDERS).map(store).collect(),
            leases: (0..HOLDERS).map(|_| None).collect(),
            key: DayKey::new(&SourceName::parse("model").expect("a name"), date),
            scope: Scope { account: "model".into(), team: None, filter: Filter::default() },
            written: 0,
        };
        let mut model = Model::default();
        for step in steps {
            runtime.block_on(real.step(step, &mut model))?;
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// How many cases to run, unless the environment sets it.
#[expect(clippy::disallowed_methods, reason = "proptest's own variable, read as proptest reads it")]
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
