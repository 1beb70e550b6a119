//! The fake Heroku as a program: serve the fixtures, or generate them.

use std::io;
use std::path::PathBuf;

use chrono::{Datelike as _, Days, Months, Utc};
use clap::{Parser, Subcommand};
use fake_heroku::{FakeHeroku, Fixtures, Model, Paging, corpus, uuid};

/// A fake of Heroku's API for audit trails. Every event in it is synthetic.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve fixtures on loopback until Ctrl-C
    Serve(Serve),
    /// Write the committed fixtures
    Generate {
        /// The folder to write to
        #[arg(long, default_value = "fixtures")]
        out: PathBuf,
    },
}

#[derive(clap::Args)]
struct Serve {
    /// The folder to read
    #[arg(long, default_value = "fixtures")]
    fixtures: PathBuf,
    /// The port of the API; 0 for a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Move all days so that the last one is yesterday
    #[arg(long)]
    yesterday: bool,
    /// Serve events in pages of N, instead of one list per day
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pages: Option<u16>,
    /// Add an account `bulk` with N events each day
    #[arg(long, value_name = "N")]
    events_a_day: Option<usize>,
    /// Make archives of the last N months of the account `bulk`, and of the current one
    #[arg(long, value_name = "N", requires = "events_a_day")]
    archives: Option<u32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    match Options::parse().command {
        Command::Generate { out } => corpus::write(&out),
        Command::Serve(options) => serve(options).await,
    }
}

async fn serve(options: Serve) -> io::Result<()> {
    let mut fixtures = Fixtures::load(&options.fixtures)?;
    if options.yesterday {
        fixtures = fixtures.shifted(Utc::now().date_naive() - Days::new(1));
    }
    let heroku = FakeHeroku::start_at(fixtures, options.port)?;
    if let Some(default) = options.pages {
        heroku.set_paging(Paging::Pages { default: default.into(), max: 1000 });
    }
    if let Some(count) = options.events_a_day {
        heroku.change(|model| {
            let members =
                model.directory.enterprise_accounts.iter().flat_map(|account| &account.members);
            let managers = members.filter(|member| {
                member.permissions.iter().any(|permission| permission == "manage")
            });
            let managers: Vec<String> = managers.map(|member| member.user.clone()).collect();
            let members = Vec::new();
            let account =
                fake_heroku::Account { id: uuid("bulk"), name: "bulk".to_owned(), members };
            model.directory.enterprise_accounts.push(account);
            for manager in &managers {
                model.grant("bulk", manager, &["view", "manage"]);
            }
            model.generate_every_day("bulk", count);
            if let Some(months) = options.archives {
                let first = Utc::now().date_naive() - Months::new(months);
                let first = first.with_day(1).unwrap_or(first);
                model.make_archives_since("bulk", first, count);
            }
        });
    }
    print!("{}", greeting(&heroku.url(), &heroku.model()));
    tokio::signal::ctrl_c().await
}

/// Lines for a shell and for `audit.toml`.
fn greeting(url: &str, model: &Model) -> String {
    let exports = model.directory.tokens.iter().filter_map(|token| {
        let accounts = model.directory.enterprise_accounts.iter();
        let own = accounts.filter_map(|account| {
            let permissions = account.permissions(&token.user);
            (!permissions.is_empty())
                .then(|| format!("{} ({})", account.name, permissions.join(", ")))
        });
        let own = own.collect::<Vec<_>>().join("; ");
        Some(format!("export {}={}   # {}: {own}\n", token.env.as_ref()?, token.token, token.user))
    });
    let days = model.days().map(|(account, date, count)| format!("#   {account} {date} {count}\n"));
    format!(
        "# In audit.toml:  [api] base_url = \"{url}\"\nexport FAKE_HEROKU_URL={url}\n\
         {}# Events:\n{}# Stop with Ctrl-C.\n",
        exports.collect::<String>(),
        days.collect::<String>(),
    )
}
