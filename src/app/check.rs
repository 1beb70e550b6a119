//! `check`: a preflight, which changes nothing.
//!
//! A mistake in the file ends it with exit status 2, as it ends every command. Everything that the
//! file refers to is checked item by item, so one run shows everything that needs work.

mod archives;
mod database;
mod heroku;
mod names;
mod signing;

use std::collections::HashMap;

use archives::Record;

use super::context::{App, GET_A_DATABASE};
use super::environment::env;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::notify::{self, Monitor};
use crate::cli::CheckArgs;
use crate::config::{Source, Token};
use crate::report::check::{Check, CheckReport};
use crate::store::ConnectError;

pub(super) async fn run(app: &App<'_>, args: &CheckArgs) -> Result<ExitStatus, Failure> {
    let mut checks = vec![file(app)];
    checks.extend(token_variables(app));
    checks.push(database_variable(app));
    checks.push(ping_variable(app));
    checks.extend(signing::keys(app));
    if !args.config_only {
        let database = database::look(app).await;
        let is_usable = !database.is_empty() && database.iter().all(|check| check.ok);
        checks.extend(database);
        let record = if is_usable { Record::open(app).await } else { None };
        if let Some(ledger) = record.as_ref().and_then(Record::ledger) {
            checks.extend(names::look(app, ledger).await);
        }
        checks.extend(heroku::look(app, record.as_ref()).await?);
        if let Some(record) = record {
            record.close().await;
        }
    }
    let report = CheckReport::new(checks);
    app.global.output.print(&report)?;
    Ok(if report.ok { DONE } else { FOUND_WRONG })
}

fn file(app: &App<'_>) -> Check {
    let sources = &app.config.sources;
    let enabled: Vec<&str> = app.enabled_sources().map(|source| source.name.as_ref()).collect();
    let subject = app.config.path.display().to_string();
    let found =
        format!("{} of {} sources enabled: {}", enabled.len(), sources.len(), enabled.join(", "));
    if enabled.is_empty() {
        let advice = "Set `enabled = true` in a source, or no event is ever copied";
        return Check::bad("file", subject, "no source is enabled", advice);
    }
    Check::good("file", subject, found)
}

/// Checks each variable that holds a token of an enabled source.
fn token_variables(app: &App<'_>) -> Vec<Check> {
    let mut users: Vec<(&str, Vec<&Source>)> = Vec::new();
    for source in app.enabled_sources() {
        match users.iter_mut().find(|(variable, _)| *variable == source.token_env) {
            Some((_, users)) => users.push(source),
            None => users.push((&source.token_env, vec![source])),
        }
    }
    let mut known: HashMap<Token, &Source> = HashMap::new();
    users
        .into_iter()
        .map(|(variable, users)| token_variable(variable, &users, &mut known))
        .collect()
}

fn token_variable<'a>(
    variable: &str,
    users: &[&'a Source],
    known: &mut HashMap<Token, &'a Source>,
) -> Check {
    let names: Vec<&str> = users.iter().map(|source| source.name.as_ref()).collect();
    let whose = format!("the token of {}", names.join(", "));
    let bad = |why: &str, advice: String| {
        Check::bad("token", variable, format!("{why}; {whose}"), advice)
    };
    match env(variable).map(|text| Token::parse(&text)) {
        None => bad("not set", set(variable)),
        Some(Err(error)) => bad(&error.to_string(), set(variable)),
        Some(Ok(token)) => {
            let [first, ..] = users else { return Check::good("token", variable, whose) };
            // Reading the file checked sources that share a variable. Here two variables may hold
            // the same token.
            let other = *known.entry(token).or_insert(first);
            if other.rate_limit == first.rate_limit {
                return Check::good("token", variable, format!("set; {whose}"));
            }
            let why = format!(
                "also the token of {} in {}, with another \
                    budget",
                other.name, other.token_env
            );
            bad(
                &why,
                "Heroku counts requests by token. Set the same [source.rate_limit] for \
                 both"
                    .to_owned(),
            )
        }
    }
}

/// What to do about a token's variable that is not set.
fn set(variable: &str) -> String {
    format!("Set it: `heroku config:set {variable}=TOKEN`, or in the environment")
}

fn database_variable(app: &App<'_>) -> Check {
    let variable = &app.config.database.url_env;
    let (subject, found) = match app.global.database_url {
        Some(_) => ("--database-url", "given; the database's address"),
        None => (variable.as_str(), "set; the database's address"),
    };
    match app.address() {
        Ok(_) => Check::good("database", subject, found),
        Err(Failure::Connect(ConnectError::Address(error))) => {
            Check::bad("database", subject, error.problem(), error.advice())
        }
        Err(_) => {
            Check::bad("database", variable, "not set; the database's address", GET_A_DATABASE)
        }
    }
}

/// The monitor is optional, so the variable may be missing.
fn ping_variable(app: &App<'_>) -> Check {
    let variable = &app.config.notify.ping_url_env;
    let found = match notify::address(&app.config.notify) {
        Monitor::Nobody => {
            let advice = "Set it to the address that a monitor gives for this job";
            return Check::good("ping", variable, "not set; a skipped run goes unnoticed")
                .advise(advice);
        }
        Monitor::At(_) => "set; the monitor is notified after each run",
        Monitor::Unreadable => {
            let advice = "Set it to the address that the monitor gives for this job, or unset it";
            return Check::bad("ping", variable, "not an address (its value is not shown)", advice);
        }
    };
    Check::good("ping", variable, found)
}
