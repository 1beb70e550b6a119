//! A throw-away PostgreSQL for tests, demos and benchmarks, from the server's binaries on this machine.
//!
//! ```no_run
//! let cluster = pg_cluster::Cluster::builder().setting("max_connections", "200").start()?;
//! cluster.create_database("audit")?;
//! assert_eq!(cluster.psql("audit", "SELECT 1 + 1")?, "2");
//! println!("{}", cluster.url("audit"));
//! # Ok::<(), pg_cluster::Error>(())
//! ```
//!
//! A test usually asks for [`fresh_database`] alone: an empty database of its own, on a cluster that all tests of the
//! binary share, or on the server that `AUDITSYNC_TEST_DATABASE_URL` names.
//!
//! What it promises:
//!
//! - **Nothing is left behind.** Server and folder go when the [`Cluster`] is dropped, and as surely when this process
//!   panics, is terminated or is killed with `kill -9`: the `guard` module says how.
//! - **Nothing is shared.** A folder, a Unix socket and a port of its own; `PG*` variables of the environment are kept
//!   from its programs. Any number of clusters run side by side.
//! - **It works as root**, which PostgreSQL refuses: its programs then run as `postgres`, else as `nobody`.
//! - **Nothing is skipped.** Without a server the error names every place looked at and how to get one.
//!
//! It doesn't know auditsync's schema, and speaks SQL only through `psql`, so that it stays free of dependencies and of
//! an async runtime.

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
