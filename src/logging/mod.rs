//! The log on stderr: one line per entry, as text for people, logfmt or JSON.
//!
//! Log drains rely on the keys of the lines about runs, days and new events. Do not change them.

mod entries;
mod line;
mod start;

pub(crate) use entries::{
    Novelty, command_finished, day, export_finished, new_event, older_days, plan, run, run_started,
};
pub(crate) use line::LogFormat;
pub(crate) use start::{Verbosity, start};
