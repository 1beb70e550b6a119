//! Measures auditsync on one large day: wall time, events a second, peak memory.
//!
//! PostgreSQL is durable (fsync on), Heroku is the fake, and the program runs by its own entry point in a process of its
//! own for each measurement. The figures are printed as Markdown.

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use clap::Parser;
use fake_heroku::{FakeHeroku, Model, Paging};
use nix::sys::resource::{UsageWho, getrusage};
use pg_cluster::Cluster;

/// Measures auditsync on one large day.
#[derive(Debug, Parser)]
#[command(name = "measure")]
struct Options {
    /// How many events the day has; may be given several times
    #[arg(long, value_name = "N", default_values_t = [50_000])]
    events: Vec<usize>,
    /// How often each is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
}

/// As `measure one …` the program is started and measured by a process of its own, so that its peak memory is told apart.
const ONE: &str = "one";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let result = match arguments.get(1).and_then(|word| word.to_str()) {
        Some("auditsync") => return ExitCode::from(auditsync::app::run(arguments.into_iter().skip(1))),
        Some(ONE) => measure_one(),
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

fn measure(options: &Options) -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::builder().durable(true).start()?;
    let day = NaiveDate::from_ymd_opt(2024, 9, 28).ok_or("no such day")?;
    println!("{}\n", cluster.psql("postgres", "SELECT version()")?.trim());
    println!("| events | answer | wall time | events a second | peak memory |\n|---|---|---|---|---|");
    for &events in &options.events {
        for (answer, paging) in
            [("whole", Paging::Whole), ("pages of 1,000", Paging::Pages { default: 200, max: 1000 })]
        {
            let mut measured = Vec::new();
            for run in 0..options.runs {
                let database = format!("measure_{events}_{}_{run}", matches!(paging, Paging::Whole));
                cluster.create_database(&database)?;
                let heroku = FakeHeroku::start(Model::default());
                heroku.add_account("acme", "audit@acme.example.com");
                heroku.add_token("HRKU-measure", "audit@acme.example.com");
                heroku.set_paging(paging);
                heroku.generate_day("acme", day, events);
                measured.push(run_once(&cluster.url(&database), &heroku.url(), events, day)?);
                cluster.psql("postgres", &format!("DROP DATABASE {database}"))?;
            }
            measured.sort();
            let (wall, peak_kib) = measured[measured.len() / 2];
            let rate = events as f64 / wall.as_secs_f64();
            println!("| {events} | {answer} | {wall:.2?} | {rate:.0} | {:.1} MiB |", peak_kib as f64 / 1024.0);
        }
    }
    Ok(())
}

/// The wall time of one run, and its peak memory in KiB.
fn run_once(database: &str, heroku: &str, events: usize, day: NaiveDate) -> Result<(Duration, i64), Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("auditsync-measure-{}.toml", std::process::id()));
    std::fs::write(
        &file,
        format!(
            "[api]\nbase_url = \"{heroku}\"\n[events]\nlog = \"none\"\n[rate_limit]\nburst = 4500\n\
             [[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n"
        ),
    )?;
    let output = Command::new(std::env::current_exe()?)
        .arg(ONE)
        .env_remove("AUDITSYNC_PING_URL")
        .env("DATABASE_URL", database)
        .env("TOKEN", "HRKU-measure")
        .env("AUDITSYNC_CONFIG", &file)
        .env("MEASURED_DAY", day.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    remove(&file);
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut next = || words.next().ok_or("the measured process failed");
    let (micros, peak_kib, synced) = (next()?.parse()?, next()?.parse()?, next()?.parse::<usize>()?);
    if synced == events {
        Ok((Duration::from_micros(micros), peak_kib))
    } else {
        Err(format!("{synced} events").into())
    }
}

/// Runs the program once, as its only child, and prints microseconds, peak KiB and the events it synced.
fn measure_one() -> Result<(), Box<dyn Error>> {
    let day = std::env::var("MEASURED_DAY")?;
    let begun = Instant::now();
    let output = Command::new(std::env::current_exe()?)
        .args(["auditsync", "--quiet", "--output", "json", "--date", &day])
        .stderr(Stdio::inherit())
        .output()?;
    let wall = begun.elapsed();
    let report = String::from_utf8(output.stdout)?;
    let events = report.rsplit("\"events\":").next().and_then(|rest| rest.split(',').next()).unwrap_or("0");
    println!("{} {} {events}", wall.as_micros(), getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}

fn remove(file: &Path) {
    let _ = std::fs::remove_file(file);
}
