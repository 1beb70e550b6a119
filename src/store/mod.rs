//! The database: the only room that knows a table.
//!
//! It promises that every change of a day is conditional on its lease's fence and on the database's clock, that events
//! are written in the very transaction that holds the fence, and that a commit whose answer was lost is looked up, not
//! guessed. It keeps no state in a session, so it works through a pooler in transaction mode: each statement runs in an
//! explicit transaction and is prepared without a name.

mod address;
mod adoption;
mod attempt;
mod blockers;
mod claim;
mod commit;
mod compare;
mod connect;
mod coverage;
mod error;
mod events;
mod expected;
mod history;
mod inspect;
mod lease;
mod obstacle;
mod operator;
mod outage;
mod patience;
mod pool;
mod reader;
mod release;
mod schema;
mod snapshot;
mod tls;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use uuid::Uuid;

pub use address::{Address, AddressError};
pub use adoption::{AdoptOrder, Adopted, AdoptedDays};
pub use attempt::{Blame, Publication, Published, Totals, Unpublished};
pub use claim::{Claim, Claimable};
pub use compare::{Sameness, Stored, Under, Via};
pub use connect::ConnectError;
pub use error::Error;
pub use events::Written;
pub use history::HistoryFilter;
pub use inspect::{Place, Rights, Server};
pub use lease::{Lease, Renewal, Trust};
pub use obstacle::Obstacle;
pub use operator::{Actor, Reset, ResetOrder, Stale};
pub use reader::{Reader, StoredId};
pub use schema::{Schema, SchemaError, all_migrations};
pub use snapshot::{EveryDay, LedgerSnapshot, Rereads, SnapshotQuery, SnapshotResult};
pub use tls::Protection;

use error::Doing;
use pool::{Access, Connections, Transaction};

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
        Self {
            connections: reader.connections().clone(),
            run_id: holder.run_id,
            holder: holder.name(),
        }
    }

    /// The database's words, if it was out of reach or accepted no writes for so long that no further day is to be begun.
    pub fn refuses_more(&self) -> Option<String> {
        self.connections.outage().refuses_more()
    }

    async fn begin(&self) -> Result<Transaction> {
        self.connections.begin(Access::Write, "begin a transaction").await
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
