//! auditsync keeps every event of a Heroku Enterprise audit trail in your own PostgreSQL, and can show that none is
//! missing.
//!
//! The way of a day: [`plan`] → claim → fetch ([`heroku`]) → store and publish ([`store`]) → [`report`]. The rooms:
//!
//! - [`cli`]: commands, options, help.
//! - [`app`]: the commands; the only place where Heroku and the database meet.
//! - [`config`]: the file, checked as a whole before anything is asked or written.
//! - [`coverage`]: how the days of the calendar stand, as a pure function too.
//! - [`plan`]: which days are due, and why, as a pure function.
//! - [`heroku`]: requests, pages, budgets, the class of every answer. Stores nothing.
//! - [`store`]: every SQL statement, each conditional on the lease. Asks Heroku nothing.
//! - [`heartbeat`]: keeps a lease alive.
//! - [`retry`]: policies as delays.
//! - [`calendar`]: which dates can be named, and how.
//! - [`day`], [`event`], [`ledger`], [`fingerprints`]: what the others talk about, without I/O.
//! - [`text`]: what every text for people passes through: no secret leaves it, and nothing that steers a terminal.
//! - [`report`]: what people and scripts read.
//! - [`logging`]: log lines on stderr.

pub mod app;
pub mod calendar;
pub mod cli;
pub mod config;
pub mod coverage;
pub mod day;
pub mod event;
pub mod fingerprints;
#[cfg(test)]
mod fuzz;
pub mod heartbeat;
pub mod heroku;
pub mod ledger;
pub mod logging;
pub mod plan;
pub mod report;
pub mod retry;
pub mod store;
pub mod text;
