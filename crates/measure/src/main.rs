//! Measure auditsync beside other tools, and print the table of docs/speed.md as Markdown.
//!
//! ```text
//! cargo run --release -p measure                                everything, half an hour
//! cargo run --release -p measure -- day                         one part
//! cargo run --release -p measure -- archive --events 5000000
//! ```
//!
//! PostgreSQL is durable (fsync on) and runs in a cluster of its own. Heroku is the fake, in this
//! process. Each measured program runs in its own process, so that its time and its peak memory are
//! its own. Figures that are compared alternate within one run. On another machine, or under load,
//! their ratios are more stable than the figures.

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
mod seals;
mod stage;
mod table;
mod trips;
mod verify;
mod views;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use table::Table;

/// Any error: it is only printed.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measure auditsync beside other tools, and print a table as Markdown
#[derive(Debug, Parser)]
#[command(name = "measure")]
struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Measure each N times, and print the median
    #[arg(long, global = true, value_name = "N", default_value_t = 3)]
    runs: usize,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Measure all of the following except `profile` and `seals`
    All,
    /// Measure a large day, beside curl + jq + \copy, a bare COPY, and dlt
    Day {
        /// The number of events
        #[arg(long, value_name = "N", default_value_t = day::EVENTS)]
        events: usize,
    },
    /// Measure the peak memory of days, in pages and as one list
    Memory {
        /// The number of events of a day; repeatable
        #[arg(long, value_name = "N", default_values_t = memory::EVENTS)]
        events: Vec<usize>,
    },
    /// Measure a run with nothing due, the size of the program, and its start
    Idle,
    /// Measure many sources with a few events each
    Many {
        /// The number of sources
        #[arg(long, value_name = "N", default_value_t = many::SOURCES)]
        sources: usize,
    },
    /// Measure planning and status over ten years of a thousand sources
    Planning {
        /// The number of days of each source
        #[arg(long, value_name = "N", default_value_t = planning::DAYS)]
        days: usize,
    },
    /// Show where the time of a day goes, by statement; not part of `all`
    Profile {
        /// The number of events
        #[arg(long, value_name = "N", default_value_t = day::EVENTS)]
        events: usize,
    },
    /// Measure a month's archive, beside gunzip and COPY of the same events
    Archive {
        /// The number of events
        #[arg(long, value_name = "N", default_value_t = archive::EVENTS)]
        events: usize,
    },
    /// Measure `verify`, beside a COPY of the events
    Verify {
        /// The number of events; repeatable
        #[arg(long, value_name = "N", default_values_t = verify::EVENTS)]
        events: Vec<usize>,
    },
    /// Measure the index of `events`, and exports as NDJSON and CSV
    Views {
        /// The number of events to export; repeatable
        #[arg(long, value_name = "N", default_values_t = views::EVENTS)]
        events: Vec<usize>,
    },
    /// Measure the program beside another build of it; not part of `all`
    Seals {
        /// The other program, such as one that was built before there were seals
        #[arg(long, value_name = "PROGRAM")]
        against: PathBuf,
    },
    /// Measure the peak memory of reconcile, with no event and with every event missing
    Reconcile {
        /// The number of events in the archive
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
        Part::Verify { events } => verify::measure(&mut table, events, runs)?,
        Part::Views { events } => views::measure(&mut table, events, runs)?,
        Part::Seals { against } => seals::measure(&mut table, against, runs)?,
        Part::All => {
            day::measure(&mut table, day::EVENTS, runs)?;
            memory::measure(&mut table, &memory::EVENTS)?;
            idle::measure(&mut table, runs)?;
            many::measure(&mut table, many::SOURCES, runs)?;
            planning::measure(&mut table, planning::DAYS, runs)?;
            archive::measure(&mut table, archive::EVENTS)?;
            reconcile::measure(&mut table, reconcile::EVENTS)?;
            verify::measure(&mut table, &verify::EVENTS, runs)?;
            views::measure(&mut table, &views::EVENTS, runs)?;
        }
    }
    table.end();
    Ok(())
}
