//! The contract, chapter by chapter, with the real binary, a real PostgreSQL and the fake Heroku.

mod answers;
mod bad_input;
mod boundaries;
mod budget;
mod check;
mod config;
mod config_schema;
mod damaged;
mod database_away;
mod dry_run;
mod endurance;
mod events;
mod faults;
mod help;
mod http2;
mod large_events;
mod lease;
mod ledger_model;
mod operator;
mod pages;
mod pooler;
mod secrets;
mod statements;
mod support;
mod sync;
