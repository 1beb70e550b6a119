//! A temporary PostgreSQL for tests, demos and benchmarks, from the server's binaries on this
//! machine.
//!
//! ```no_run
//! let cluster = pg_cluster::Cluster::builder().setting("max_connections", "200").start()?;
//! cluster.create_database("audit")?;
//! assert_eq!(cluster.psql("audit", "SELECT 1 + 1")?, "2");
//! println!("{}", cluster.url("audit"));
//! # Ok::<(), pg_cluster::Error>(())
//! ```
//!
//! A test usually needs only [`fresh_database`]: an empty database of its own, on a cluster that
//! all tests of the binary share, or on the server that `AUDITSYNC_TEST_DATABASE_URL` names.
//!
//! It promises:
//!
//! - **It leaves nothing behind.** Server and folder are removed when the [`Cluster`] is dropped,
//!   and also when this process panics, is terminated or is killed with `kill -9`; the module
//!   `guard` says how.
//! - **It shares nothing.** Each cluster has its own folder, Unix socket and port. Its programs do
//!   not see the `PG*` variables of the environment. Any number of clusters can run at the same
//!   time.
//! - **It works as root**, which PostgreSQL refuses: its programs then run as `postgres`, else as
//!   `nobody`.
//! - **It skips nothing.** Without a server, the error names every place searched and how to
//!   install one.
//!
//! It does not know auditsync's schema. It runs SQL only through `psql`, so that it needs no
//! PostgreSQL client and no async runtime.

mod account;
mod binaries;
mod builder;
mod cluster;
mod conninfo;
mod database;
mod error;
mod folder;
mod guard;
mod places;
mod server;
mod session;
mod tools;
mod wait;

pub use binaries::{Binaries, NotFound};
pub use builder::Builder;
pub use cluster::{Cluster, Shutdown};
pub use database::{DATABASE_URL_VARIABLE, Database, fresh_database, shared};
pub use error::Error;
pub use places::{BINARIES_VARIABLE, Place};
pub use session::Session;
