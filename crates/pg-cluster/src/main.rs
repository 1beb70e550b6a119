//! Run a temporary PostgreSQL for a command, or for the process that reads its URL.
//!
//! `pg-cluster COMMAND …` runs the command with `AUDITSYNC_TEST_DATABASE_URL` set, and ends with
//! its exit code. Use it with a test runner that starts one process per test, so that they share
//! one cluster: `cargo run -p pg-cluster -- cargo nextest run`.
//!
//! Without a command it prints the line `DATABASE_URL=…` and serves until its input ends. So it
//! ends with the program that started it. Exit code 3 means that there is no PostgreSQL; the
//! message says how to install it.

use std::{
    env, io,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode},
};

use pg_cluster::{Cluster, DATABASE_URL_VARIABLE, Error};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(e) => {
            eprintln!("pg-cluster: {e}");
            ExitCode::from(if matches!(e, Error::NotFound(_)) { 3 } else { 1 })
        }
    }
}

fn run() -> Result<ExitCode, Error> {
    let mut arguments = env::args_os().skip(1);
    let cluster = Cluster::builder().setting("max_connections", "200").start()?;
    let url = cluster.url("postgres");
    let Some(program) = arguments.next() else {
        println!("DATABASE_URL={url}");
        io::copy(&mut io::stdin(), &mut io::sink())
            .map_err(|source| Error::Io { what: "read stdin".into(), source })?;
        return Ok(ExitCode::SUCCESS);
    };
    let what = format!("run {}", program.display());
    let status = Command::new(program)
        .args(arguments)
        .env(DATABASE_URL_VARIABLE, url)
        .status()
        .map_err(|source| Error::Io { what, source })?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
