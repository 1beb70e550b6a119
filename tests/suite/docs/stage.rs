//! Where the commands of a page run: a database, a fake Heroku, and the dates of the page.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};
use fake_heroku::{Fixtures, Model, Month};
use pg_cluster::{Cluster, Database};

use super::console::moved;
use super::markdown::repository;
use crate::adoption::after_the_python_logger;
use crate::support::{ACME, Finished, Running, World, date, yesterday};

/// The date that the pages take for today.
const TODAY: &str = "2024-09-29";

/// Runs on a dyno are runs here; of the app's variables one is asked for.
const HEROKU: &str = r#"#!/bin/sh
case "$1 $2" in
"run --") shift 2; exec "$@" ;;
"run --no-tty" | "run -x") shift 3; exec "$@" ;;
"config:get DATABASE_URL") echo "$DATABASE_URL" ;;
*) echo "heroku $* is not known here" >&2; exit 64 ;;
esac
"#;

/// Words of commands that change nothing.
const READING: [&str; 13] = [
    "status",
    "events",
    "export",
    "history",
    "check",
    "keygen",
    "verify",
    "report",
    "man",
    "--dry-run",
    "--plan",
    "--help",
    "--version",
];

const INITECH: &str = "
[[source]]
name = \"initech\"
account = \"initech\"
token_env = \"INITECH_API_TOKEN\"
";

const GLOBEX_TOKEN: &str = "HRKU-demo-globex-0001-not-a-secret";

/// See the module.
pub(super) struct Stage {
    page: String,
    section: String,
    /// The world in which yesterday is what the page calls yesterday.
    recent: Option<World>,
    /// The world of commands that name a month: all of September 2024 is stored and archived.
    september: Option<World>,
    /// From the dates of the page to those of the recent world.
    by: TimeDelta,
    exports: Vec<String>,
    /// The database that a page moves to.
    new_database: Option<Database>,
}

impl Stage {
    pub(super) fn new(page: &str) -> Self {
        let by = yesterday() + Days::new(1) - date(TODAY);
        let (page, section) = (page.to_owned(), String::new());
        Self {
            page,
            section,
            recent: None,
            september: None,
            by,
            exports: Vec::new(),
            new_database: None,
        }
    }

    /// Runs a command of a page. What it prints has the dates of the page.
    pub(super) fn run(&mut self, section: &str, command: &str) -> Result<Finished, String> {
        if command.starts_with("export ") {
            // What is not written out is the reader's own, and set already.
            if !command.contains('…') {
                self.exports.push(command.to_owned());
            }
            return Ok(Finished { status: 0, stdout: String::new(), stderr: String::new() });
        }
        let by = if names_a_month(command) { TimeDelta::zero() } else { self.by };
        self.enter(section);
        let exports = self.exports.clone();
        let world = self.world(command);
        let command = moved(command, by);
        let before = only_reads(&command).then(|| world.dump());
        let finished = shell(world, &exports, &command);
        if before.is_some_and(|before| before != world.dump()) {
            return Err("it changed the database".to_owned());
        }
        if finished.status == 0 {
            effect(world, &command)?;
        }
        let stdout = moved(&finished.stdout, -by);
        Ok(Finished { stdout, ..finished })
    }

    /// Runs the statements of a page.
    pub(super) fn query(&mut self, sql: &str) -> Result<String, String> {
        let sql = moved(sql, self.by);
        self.world("").database.psql(&sql).map_err(|error| error.to_string())
    }

    fn world(&mut self, command: &str) -> &World {
        if names_a_month(command) {
            return self.september.get_or_insert_with(september);
        }
        let world = self.recent.get_or_insert_with(|| recent(&self.page));
        let moves = ["docs/leaving-heroku.md", "docs/operating.md"].contains(&&*self.page);
        if moves && self.new_database.is_none() {
            let database = pg_cluster::fresh_database();
            world.set("NEW_DATABASE_URL", database.url());
            self.new_database = Some(database);
        }
        world
    }

    /// Makes true what a section takes for granted.
    fn enter(&mut self, section: &str) {
        if self.section == section {
            return;
        }
        section.clone_into(&mut self.section);
        if self.page != "docs/operating.md" {
            return;
        }
        let world = self.world("");
        match section {
            "yesterday-is-missing" => {
                world.heroku.revoke(GLOBEX_TOKEN);
                assert_eq!(world.run("--source globex").status, 1);
            }
            "read-older-days" => world.heroku.add_token(GLOBEX_TOKEN, "audit@globex.example.com"),
            "alert-when-a-run-is-skipped" => assert_eq!(world.run("").status, 0),
            _ => {}
        }
    }
}

/// Whether a command is about September 2024.
fn names_a_month(command: &str) -> bool {
    ["--month", "september.tar.gz", "2024-09-30"].iter().any(|word| command.contains(word))
}

/// Sources that the example shows as comments. The pages have them in their file.
const GLOBEX_SOURCE: &str = "# [[source]]\n# name = \"globex\"\n# account = \"globex\"\n\
                             # token_env = \"GLOBEX_API_TOKEN\"\n";
const TEAM_SOURCE: &str =
    "# [[source]]\n# name = \"team-a\"\n# account = \"acme\"\n# team = \"team-a\"\n";

/// The file with these lines, which are comments there, in effect.
fn in_effect(file: &str, lines: &str) -> String {
    assert!(file.contains(lines), "the example does not show {lines}");
    let uncommented: Vec<&str> = lines.lines().map(|line| &line[2..]).collect();
    file.replace(lines, &(uncommented.join("\n") + "\n"))
}

/// The example file, with quick retries and the fake's address in it.
fn example(world: &World) -> String {
    let file = std::fs::read_to_string(repository().join("audit.toml")).expect("the example");
    let file = in_effect(&in_effect(&file, GLOBEX_SOURCE), TEAM_SOURCE);
    let with = |text: String, key: &str, value: &str| {
        let shown = text.lines().find(|line| line.starts_with(&format!("# {key} = ")));
        let shown = shown.unwrap_or_else(|| panic!("the example shows no {key}")).to_owned();
        text.replace(&shown, &format!("{key} = \"{value}\""))
    };
    let file = with(file, "base_url", &world.heroku.url());
    let file = with(file, "initial_interval", "5ms");
    with(file, "max_interval", "20ms")
}

fn recent(page: &str) -> World {
    let mut model: Model = Fixtures::committed().shifted(yesterday()).into();
    for account in ["acme", "globex", "initech"] {
        model.generate_every_day(account, 1);
    }
    if matches!(page, "docs/operating.md" | "docs/leaving-heroku.md") {
        archive(&mut model, yesterday() - Days::new(70), yesterday());
    }
    let mut world = match page {
        "docs/python-logger.md" => after_the_python_logger(ACME),
        // Roles belong to a whole server.
        "docs/database.md" | "docs/operating.md" => {
            let cluster = Arc::new(Cluster::builder().start().expect("a cluster"));
            World::on(Database::on(&cluster).expect("a database"), model, ACME)
        }
        _ => World::with(model, ACME),
    };
    match page {
        "docs/getting-started.md" | "docs/leaving-heroku.md" | "docs/python-logger.md" => {}
        "docs/heroku.md" => world.write_file(&(example(&world) + INITECH)),
        _ => world.write_file(&example(&world)),
    }
    finish(&mut world);
    match page {
        "docs/completeness.md" | "docs/evidence.md" | "docs/report.md" | "SECURITY.md" => {
            let finished = world.run("");
            assert_eq!(finished.status, 0, "{finished:#?}");
            world.place("heads.log", &finished.stderr);
        }
        "docs/operating.md" | "docs/reference.md" | "docs/searching.md" | "docs/exports.md" => {
            assert_eq!(world.run("--source acme").status, 0);
        }
        _ => {}
    }
    world
}

/// Gives the account acme events on each of these days, and archives of their months.
fn archive(model: &mut Model, first: NaiveDate, last: NaiveDate) {
    let days: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).collect();
    for day in &days {
        if model.day("acme", *day).len() < 2 {
            model.generate_day("acme", *day, 20);
        }
    }
    for month in days.into_iter().map(Month::of).collect::<BTreeSet<_>>() {
        model.make_archive("acme", month);
    }
}

fn september() -> World {
    let mut model: Model = Fixtures::committed().into();
    let (first, last) = (date("2024-09-01"), date("2024-09-30"));
    archive(&mut model, first, last);
    let mut world = World::with(model, ACME);
    finish(&mut world);
    assert_eq!(world.run(&format!("--from {first} --to {last}")).status, 0);
    world
}

/// Puts what the pages take for granted beside a world: the programs, the scripts, the tokens.
fn finish(world: &mut World) {
    let folder = folder(world);
    for place in ["bin/auditsync", "target/debug/auditsync", "target/release/auditsync"] {
        let place = folder.join(place);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_auditsync"), place).expect("a link");
    }
    let heroku = world.place("bin/heroku", HEROKU);
    std::fs::set_permissions(heroku, PermissionsExt::from_mode(0o755)).expect("a script");
    symlink(repository().join("sql"), folder.join("sql")).expect("a link");
    world.set("USER", "ada");
    world.set("GLOBEX_API_TOKEN", GLOBEX_TOKEN);
    world.set("INITECH_API_TOKEN", "HRKU-demo-initech-0001-not-a-secret");
    let path = std::env::vars().find(|(name, _)| name == "PATH").expect("a PATH").1;
    world.set("PATH", &format!("{}:{path}", folder.join("bin").display()));
}

fn folder(world: &World) -> PathBuf {
    world.command("").get_current_dir().expect("a folder").to_owned()
}

fn shell(world: &World, exports: &[String], command: &str) -> Finished {
    let like = world.command("");
    let variables = like.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(exports.iter().map(|line| line.clone() + "\n").collect::<String>() + command);
    shell.env_clear().envs(variables).current_dir(folder(world));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running { child: shell.spawn().expect("a shell") }.wait()
}

/// Whether a command is one that changes nothing.
fn only_reads(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    command.contains("auditsync") && READING.iter().any(|word| words.contains(word))
}

/// Checks what a command of the program has done where it exits with 0.
fn effect(world: &World, command: &str) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    if !command.contains("auditsync") || only_reads(command) || command.starts_with("psql") {
        return Ok(());
    }
    let source = words.iter().position(|word| *word == "--source").map(|at| words[at + 1]);
    let status = |kind: &str| {
        let of = source.map_or_else(String::new, |name| format!(" AND source = '{name}'"));
        world.sql(&format!("SELECT count(*) FROM audit_events_log WHERE status {kind}{of}"))
    };
    let (good, what) = match () {
        () if words.contains(&"reset") => (status("= 'PENDING'") != "0", "no day is due"),
        () if words.contains(&"migrate") => {
            (world.sql("SELECT count(*) FROM auditsync_migrations") != "0", "no schema")
        }
        () if words.iter().any(|word| ["cleanup", "reconcile", "completions"].contains(word)) => {
            (true, "")
        }
        () => {
            (status("<> 'SUCCESS'") == "0" && status("= 'SUCCESS'") != "0", "a day is not complete")
        }
    };
    if good { Ok(()) } else { Err(what.to_owned()) }
}
