//! Measures auditsync beside what else one would use, and prints the table of docs/speed.md.
//!
//! ```text
//! cargo run --release -p measure                                everything, half an hour
//! cargo run --release -p measure -- day                         one part
//! cargo run --release -p measure -- archive --events 5000000
//! ```
//!
//! PostgreSQL is durable (fsync on) and a cluster of its own; Heroku is the fake, in this process; what is measured runs
//! in processes of its own, so that its time and its peak memory are its own. Figures that are compared are taken by
//! turns in one run: on another machine, or beside other work, their ratios hold better than they do.

mod archive;
mod day;
mod dlt;
mod idle;
mod many;
mod memory;
mod planning;
mod process;
mod profile;
mod reconcile;
mod stage;
mod table;
mod trips;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use table::Table;

/// Whatever went wrong; it is only told.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures auditsync beside what else one would use, and prints a table as Markdown
#[derive(Debug, Parser)]
#[command(name = "measure")]
struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// How often each is measured; the median counts
    #[arg(long, global = true, value_name = "N", default_value_t = 3)]
    runs: usize,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// All of the others
    All,
    /// A large day, beside curl + jq + \copy, a bare COPY, and dlt
    Day {
        /// How many events it has
        #[arg(long, value_name = "N", default_value_t = day::EVENTS)]
        events: usize,
    },
    /// Peak memory of days, in pages and as one whole list
    Memory {
        /// How many events a day has; may be given several times
        #[arg(long, value_name = "N", default_values_t = memory::EVENTS)]
        events: Vec<usize>,
    },
    /// A run that finds nothing due, the size of the program, and its start
    Idle,
    /// Many sources with a few events each
    Many {
        /// How many sources
        #[arg(long, value_name = "N", default_value_t = many::SOURCES)]
        sources: usize,
    },
    /// Planning and status over ten years of a thousand sources
    Planning {
        /// How many days each source has
        #[arg(long, value_name = "N", default_value_t = planning::DAYS)]
        days: usize,
    },
    /// Where the time of a day goes, by statement; not among all
    Profile {
        /// How many events it has
        #[arg(long, value_name = "N", default_value_t = day::EVENTS)]
        events: usize,
    },
    /// A month's archive, beside gunzip and COPY of the same events
    Archive {
        /// How many events it has
        #[arg(long, value_name = "N", default_value_t = archive::EVENTS)]
        events: usize,
    },
    /// Peak memory of reconcile, with nothing and with everything missing
    Reconcile {
        /// How many events the archive has
        #[arg(long, value_name = "N", default_value_t = reconcile::EVENTS)]
        events: usize,
    },
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let result = match arguments.get(1) {
        Some(word) if word == process::ONE => process::measure_here(&arguments[2..]),
        _ => measure(&Options::parse_from(arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    process::build()?;
    let (mut table, runs) = (Table::default(), options.runs.max(1));
    match options.part.as_ref().unwrap_or(&Part::All) {
        Part::Day { events } => day::measure(&mut table, *events, runs)?,
        Part::Memory { events } => memory::measure(&mut table, events)?,
        Part::Idle => idle::measure(&mut table, runs)?,
        Part::Many { sources } => many::measure(&mut table, *sources, runs)?,
        Part::Planning { days } => planning::measure(&mut table, *days, runs)?,
        Part::Profile { events } => profile::measure(&mut table, *events)?,
        Part::Archive { events } => archive::measure(&mut table, *events)?,
        Part::Reconcile { events } => reconcile::measure(&mut table, *events)?,
        Part::All => {
            day::measure(&mut table, day::EVENTS, runs)?;
            memory::measure(&mut table, &memory::EVENTS)?;
            idle::measure(&mut table, runs)?;
            many::measure(&mut table, many::SOURCES, runs)?;
            planning::measure(&mut table, planning::DAYS, runs)?;
            archive::measure(&mut table, archive::EVENTS)?;
            reconcile::measure(&mut table, reconcile::EVENTS)?;
        }
    }
    table.end();
    Ok(())
}
