//! The database. Only this module knows tables and SQL.
//!
//! It promises:
//! - Every change of a day depends on the fence of its lease and on the database's clock.
//! - Events are written in the transaction that holds the fence.
//! - When the answer to a commit is lost, the store looks up whether the commit took place.
//! - No state is kept in a session, so a pooler in transaction mode works: each statement runs in
//!   an explicit transaction and is prepared without a name.

mod address;
mod adoption;
mod anchors;
mod attempt;
mod blockers;
mod calendar;
mod claim;
mod commit;
mod compare;
mod comparison;
mod connect;
mod coverage;
mod diagnosis;
mod error;
mod events;
mod evidence;
mod expected;
mod export;
mod fence;
mod handle;
mod history;
mod inspect;
mod kept;
mod lease;
mod ledger;
mod migrations;
mod months;
mod obstacle;
mod operator;
mod outage;
mod patience;
mod pool;
mod provenance;
mod raw;
mod release;
mod report;
mod schema;
mod seal;
mod search;
mod snapshot;
mod statement;
mod stored;
mod tls;

pub use address::{Address, AddressError, Endpoint};
pub use adoption::{AdoptRequest, AdoptedDays, Adoption};
pub use anchors::{AnchorKind, AnnouncedKeys};
pub use attempt::{AttemptStats, Publication, Published, Unpublished};
pub use calendar::{CalendarDay, CalendarStream};
pub use claim::{Claim, Claimable};
pub use compare::{Sameness, Stored, Under, Via};
pub use comparison::ComparedDay;
pub use connect::ConnectError;
pub use coverage::StatusSnapshot;
pub use error::{Error, Result};
pub use events::Written;
pub use evidence::{
    AnchorRow, DayName, DayRows, DaysPage, EventChunk, EventStream, EvidenceSnapshot, Selected,
    StoredConflict, WantedDays,
};
pub use export::SealedEvents;
pub use handle::{Holder, Reader, Store};
pub use history::HistoryFilter;
pub use inspect::{Rights, Server};
pub use lease::{Lease, Renewal, Trust};
pub use migrations::{Schema, all_migrations};
pub use obstacle::Obstacle;
pub use operator::{Actor, ResetRequest, StaleLease};
pub use provenance::{Provenance, SealedArchive};
pub use raw::{RawDate, RawTime};
pub use report::{
    AnchorCount, AppEvent, AppEvents, AppIdentity, AttemptCount, MOST_REPORTED, OperatorAction,
    REPORT_STATEMENTS, RecordedScope, RecordedSource, ReportQuery, ReportRows, ReportedDay,
    ReportedFailure, ReportedWitness, RouteCount,
};
pub use schema::SchemaError;
pub use search::{EventSearch, Pattern};
pub use snapshot::{EveryDay, LedgerSnapshot, Rereads, SnapshotQuery, SnapshotResult};
pub use stored::{StoredEvent, StoredEvents, StoredQuery, StoredTeam};
pub use tls::Protection;
