//! The first run: show everything that auditsync does on one machine, with nothing to set up.
//!
//! It starts a PostgreSQL and a fake Heroku and writes an `audit.toml` for two accounts and a team.
//! Then it runs the real program, by its own entry point, in a separate process. With `--stay`,
//! everything keeps running, so that you can try the built binary.

mod database;
mod month;
mod picture;
mod show;
mod stage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;

/// Show everything that auditsync does on one machine, with nothing to set up.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Options {
    /// Keep everything running, and print the variables to set for the built binary
    #[arg(long)]
    stay: bool,
    /// Use the embedded PostgreSQL even where a server is installed
    #[arg(long)]
    embedded: bool,
    /// Draw a terminal with this run as SVG into FILE, and show nothing else
    #[arg(long, value_name = "FILE", conflicts_with = "stay")]
    picture: Option<PathBuf>,
    /// Write the report on a month with a failed token into FILE, and show nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stay", "picture"])]
    page: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // `demo auditsync …` is auditsync itself, in the process that the stage starts.
    if arguments.get(1).is_some_and(|word| word == "auditsync") {
        return ExitCode::from(auditsync::app::run(arguments.into_iter().skip(1)));
    }
    match run(&Options::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(3)
        }
    }
}

/// Wait for Ctrl-C or SIGTERM.
fn until_ended() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended,
            _ = terminate.recv() => Ok(()),
        }
    })
}

fn write_picture(stage: &Stage, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::write(file, picture::draw(stage)?)?;
    println!("The picture is in {}.", file.display());
    Ok(())
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    println!("Starting a PostgreSQL, and a fake Heroku with the events of yesterday …");
    let stage = Stage::set(options.embedded)?;
    println!("PostgreSQL: {}.", stage.database.kind());
    println!("Heroku: a fake at {}, with synthetic events.\n", stage.heroku.url());
    if let Some(file) = &options.picture {
        return write_picture(&stage, file);
    }
    if let Some(file) = &options.page {
        return month::write_page(&stage, file);
    }

    stage.auditsync("The first run reads yesterday for two accounts and a team:", &[])?;
    stage.auditsync(
        "The second run finds nothing due. It sends no request and writes nothing:",
        &[],
    )?;
    let requests = stage.heroku.requests().len();
    println!("(The fake Heroku received {requests} requests in total.)\n");
    stage.auditsync("The state of each source:", &["status"])?;
    println!("The newest stored events, read with SQL:\n");
    println!("{}", show::stored_events(stage.database.url())?);
    let page = std::env::temp_dir().join(format!("auditsync-demo-{}.html", std::process::id()));
    let page = page.display().to_string();
    stage.auditsync(
        "One page for people, which checks the stored events first. Open it in a browser:",
        &["report", "--out", &page],
    )?;

    if options.stay {
        print!("{}", show::what_to_type(&stage));
        until_ended()?;
    } else {
        println!(
            "\nNext: `cargo run -p demo -- --stay` keeps all of this running, so that you can try \
             `status`, `reset` and `--dry-run`."
        );
    }
    Ok(())
}
