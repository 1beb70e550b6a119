//! The contract, chapter by chapter, with the real binary, a real PostgreSQL and the fake Heroku.

mod bad_input;
mod boundaries;
mod config;
mod dry_run;
mod events;
mod faults;
mod lease;
mod ledger_model;
mod operator;
mod statements;
mod support;
mod sync;
