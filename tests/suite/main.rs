//! The contract, chapter by chapter, with the real binary, a real PostgreSQL and the fake Heroku.

mod answers;
mod bad_input;
mod boundaries;
mod budget;
mod config;
mod dry_run;
mod events;
mod faults;
mod large_events;
mod lease;
mod ledger_model;
mod operator;
mod pages;
mod secrets;
mod statements;
mod support;
mod sync;
