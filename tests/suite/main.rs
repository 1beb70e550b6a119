//! The contract, chapter by chapter, with the real binary, a real PostgreSQL and the fake Heroku.

mod bad_input;
mod config;
mod dry_run;
mod events;
mod faults;
mod operator;
mod statements;
mod support;
mod sync;
