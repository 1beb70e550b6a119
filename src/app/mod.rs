//! The commands. Each connects configuration, Heroku and the database, does its work, and gives an
//! exit status.

mod anchoring;
mod backfill;
mod check;
mod cleanup;
mod clock;
mod command_line;
mod completion;
mod context;
mod days_over;
mod destination;
mod environment;
mod estimate;
mod events;
mod export;
mod failure;
mod head;
mod history;
mod init;
mod keygen;
mod manual;
mod migrate;
mod notify;
mod operator;
mod page;
mod program;
mod reconcile;
mod report;
mod reset;
mod run;
mod secrets;
mod shutdown;
mod status;
mod sync;
mod verification;
mod verify;

use std::ffi::OsString;
use std::path::Path;

use context::App;
use environment::{env, is_blank};
use failure::{DONE, ExitStatus, Failure};

use crate::cli::{Command, Global};
use crate::config::Config;
use crate::logging::{self, Verbosity};
use crate::report::{TerminalKind, streams};

/// Runs the program with the arguments `args`, of which the first is its name, and gives its exit
/// status.
///
/// This is the entire program except for the process around it: it reads the environment, and
/// writes to stdout and stderr.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    secrets::learn_usual();
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(status) = completion::answer(&args) {
        return status;
    }
    let terminal = terminal_kind();
    streams::adapt_to(terminal);
    let (mut global, command) = match command_line::parse(args) {
        Ok(parts) => parts,
        Err(status) => return status,
    };
    global.terminal = terminal;
    secrets::learn_given(&global);
    prepare_process(&global, &command);
    let output = global.output;
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(dispatch(&global, command));
            // A look-up of a name may still run. It must not delay the end of the process.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::Process(error)),
    };
    result.unwrap_or_else(|failure| failure.report(output))
}

async fn dispatch(global: &Global, command: Command) -> Result<ExitStatus, Failure> {
    match &command {
        Command::Completions(args) => return manual::completions(args),
        Command::Man(args) => return manual::man(args),
        Command::Init(args) => return init::run(global, args).await,
        Command::Keygen(args) => return keygen::run(args, global.output),
        Command::Verify(args) if args.bag.is_some() => return verify::run_on_bag(global, args),
        _ => {}
    }
    let config = Config::load(&global.config, clock::here().date_naive())?;
    secrets::learn_of(&config);
    let app = App { global, config };
    match command {
        Command::Sync(args) => sync::run(&app, &args).await,
        Command::Backfill(args) => backfill::run(&app, &args).await,
        Command::Reconcile(args) => reconcile::run(&app, &args).await,
        Command::Status(args) => status::run(&app, &args).await,
        Command::Reset(args) => reset::run(&app, &args).await,
        Command::Cleanup(args) => cleanup::run(&app, &args).await,
        Command::History(args) => history::run(&app, &args).await,
        Command::Events(args) => events::run(&app, &args).await,
        Command::Migrate(args) => migrate::run(&app, &args).await,
        Command::Check(args) => check::run(&app, &args).await,
        Command::Verify(args) => verify::run(&app, &args).await,
        Command::Export(args) => export::run(&app, &args).await,
        Command::Report(args) => report::run(&app, &args).await,
        Command::Init(_) | Command::Keygen(_) | Command::Completions(_) | Command::Man(_) => {
            Ok(DONE)
        }
    }
}

/// What `TERM` says about a terminal. A terminal without a name shows text alone, too.
fn terminal_kind() -> TerminalKind {
    match env("TERM").as_deref() {
        None | Some("dumb") => TerminalKind::Dumb,
        Some(_) => TerminalKind::Full,
    }
}

/// Sets up what is global to the process: the temporary folder, the log, and the provider of TLS.
fn prepare_process(global: &Global, command: &Command) {
    if is_blank("TMPDIR") {
        // An empty name would be taken for a folder.
        let _ = tempfile::env::override_temp_dir(Path::new("/tmp"));
    }
    let verbosity = match command {
        Command::Export(args) if args.streams_bag() => Verbosity::Silent,
        Command::Report(args) if args.streams() => Verbosity::Silent,
        _ => global.verbosity(),
    };
    logging::start(global.log_format, verbosity, env("RUST_LOG").as_deref());
    // Without a provider rustls panics. One that another crate installed earlier is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
