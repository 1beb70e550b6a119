//! The database: the only room that knows a table.
//!
//! It promises that every change of a day is conditional on its lease's fence and on the database's clock, that events
//! are written in the very transaction that holds the fence, and that a commit whose answer was lost is looked up, not
//! guessed. It keeps no state in a session, so it works through a pooler in transaction mode: each statement runs in an
//! explicit transaction and is prepared without a name.

mod address;
mod adoption;
mod attempt;
mod claim;
mod commit;
mod connect;
mod coverage;
mod error;
mod events;
mod expected;
mod history;
mod inspect;
mod known;
mod lease;
mod obstacle;
mod operator;
mod outlook;
mod reader;
mod schema;
mod tls;

use std::num::NonZeroU32;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow, PgTransaction};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use uuid::Uuid;

pub use address::{Address, AddressError};
pub use adoption::{AdoptOrder, Adopted};
pub use attempt::{Blame, Publication, Published, Totals, Unpublished};
pub use claim::{Claim, Claimable};
pub use connect::ConnectError;
pub use error::Error;
pub use events::Written;
pub use history::Past;
pub use inspect::{Place, Rights, Server};
pub use known::{Sameness, Stored, Via};
pub use lease::{Lease, Pulse, Trust};
pub use obstacle::Obstacle;
pub use operator::{Behalf, Reset, ResetOrder, Stale};
pub use outlook::{EveryDay, Look, Outlook, Rereads, Wanted};
pub use reader::Reader;
pub use schema::{Schema, SchemaError, all_migrations};
pub use tls::Protection;

use crate::config::Retry;
use crate::retry::Attempts;
use connect::Connections;
use error::Doing;

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who this process is, in the ledger and in the history.
#[derive(Debug, Clone)]
pub struct Holder {
    /// A fresh id for each process; also the id of its run.
    pub run_id: Uuid,
    /// Where it runs, for people: Heroku reuses the names of dynos.
    pub place: String,
}

impl Holder {
    /// The text that stands in `locked_by`.
    fn name(&self) -> String {
        format!("{} ({})", self.run_id, self.place)
    }
}

/// The database, for those who may change it. Cheap to clone: all clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    connections: Connections,
    run_id: Uuid,
    holder: String,
}

impl Store {
    /// The store on the connections of `reader`, acting as `holder`.
    pub fn new(reader: &Reader, holder: &Holder) -> Self {
        Self { connections: reader.connections().clone(), run_id: holder.run_id, holder: holder.name() }
    }

    async fn begin(&self) -> Result<PgTransaction<'static>> {
        self.connections.begin("BEGIN", "begin a transaction").await
    }
}

/// A statement, prepared without a name: a pooler in transaction mode would give a name to somebody else's connection.
/// The clippy configuration keeps every other way to make one out of the program.
#[expect(clippy::disallowed_methods, reason = "the one place where a statement is made")]
fn statement(sql: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql).persistent(false)
}

/// A column of a row that our own statement returned.
fn column<'r, T>(row: &'r PgRow, name: &'static str) -> Result<T>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    row.try_get(name).doing("return what was asked for")
}

/// Repeats what a passing failure of the database interrupted, as long as the lease may be relied on.
#[derive(Debug)]
struct Tries<'l> {
    attempts: Attempts,
    trust: &'l Trust,
}

impl<'l> Tries<'l> {
    fn under(lease: &'l Lease) -> Self {
        // The lease is the limit, so the policy must not end before it.
        let policy = Retry { max_elapsed: lease.fence.ttl + patience().max_elapsed, ..patience() };
        Self { attempts: Attempts::new(&policy), trust: lease.trust() }
    }

    /// Waits for the next try, or gives `error` back where none is to be made.
    async fn again(&mut self, error: Error) -> Result<()> {
        match error {
            Error::LeaseLost => self.trust.lose(),
            // To try again would be to lose the lease to oneself, if it did take place.
            Error::CommitUnknown => return Err(error),
            _ => {}
        }
        if !self.trust.holds() {
            return Err(Error::LeaseLost);
        }
        tokio::select! {
            waited = Self::wait(&mut self.attempts, error) => waited,
            () = self.trust.ended() => Err(Error::LeaseLost),
        }
    }

    async fn wait(attempts: &mut Attempts, error: Error) -> Result<()> {
        let delay = if error.is_passing() { attempts.next_delay(None) } else { None };
        let Some(delay) = delay else { return Err(error) };
        tracing::warn!(wait_ms = delay.as_millis() as u64, "trying again: {error}");
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// Does anew what a passing failure of the database interrupted, without a lease: a question, which changes nothing, or
/// a transaction that is looked up when the answer to its commit is lost.
async fn persist<T>(work: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut attempts = Attempts::new(&patience());
    loop {
        match work().await {
            Err(error) => Tries::wait(&mut attempts, error).await?,
            done => return done,
        }
    }
}

/// How long a database that restarts or fails over is waited for where no lease says so.
fn patience() -> Retry {
    Retry {
        max_attempts: NonZeroU32::MAX,
        initial_interval: Duration::from_millis(100),
        multiplier: 2.0,
        jitter: 0.5,
        max_interval: Duration::from_secs(2),
        max_elapsed: Duration::from_mins(1),
    }
}
