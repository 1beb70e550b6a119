//! auditsync keeps every event of a Heroku Enterprise audit trail in your own PostgreSQL, and can
//! show that none is missing.
//!
//! A day passes through these steps: [`plan`] → claim → fetch (`heroku`) → store and publish
//! ([`store`]) → `report`. The modules, from the top down:
//!
//! - [`app`]: the commands, and the engine of a run. Only here do Heroku and the database meet.
//! - `cli`: commands, options and help.
//! - `heartbeat`: renews a lease.
//! - `logging`: log lines on stderr.
//! - `report`: results for people and scripts, and the reason why a day failed.
//! - `bag`: evidence in files that check themselves.
//! - `heroku`: requests, pages, budgets, and the class of every failure. It stores nothing.
//! - [`store`]: every SQL statement, each conditional on the lease. It requests nothing from
//!   Heroku.
//! - [`plan`]: which days are due, and why. [`coverage`]: the state of each source. Both are pure.
//! - [`evidence`]: the chain of seals, without I/O.
//! - [`ledger`], [`event`], [`digest`], [`day`], [`fingerprints`]: the terms of the field, without
//!   I/O.
//! - `http`: the one builder of HTTP clients. `retry`: the retry policy as delays.
//! - [`config`]: the file, which is checked completely before anything else happens.
//! - [`calendar`]: which dates can be named. [`moment`], [`named_range`]: days, times and ranges of
//!   days relative to now.
//! - [`text`]: every text for people passes through it.
//!
//! The binary is the product. What is public here serves its tests and benchmarks.

pub mod app;
mod bag;
pub mod calendar;
mod cli;
pub mod config;
pub mod coverage;
pub mod day;
pub mod digest;
pub mod event;
pub mod evidence;
pub mod fingerprints;
#[cfg(test)]
mod fuzz;
mod heartbeat;
mod heroku;
mod http;
pub mod ledger;
mod logging;
pub mod moment;
pub mod named_range;
pub mod plan;
mod report;
mod retry;
pub mod store;
pub mod text;

#[doc(hidden)]
pub use heroku::count_elements;
