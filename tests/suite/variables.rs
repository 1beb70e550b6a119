//! A variable that is empty or blank counts as not set, for every variable.

use crate::support::screen::Screen;
use crate::support::{ACME, Finished, World};

const BLANK: [&str; 3] = ["", " ", " \t\n "];
const ON_DAY: &str = "sync --date 2024-09-28";

/// Runs the program without the variable, and then with each blank value. Returns all results.
fn alike(
    world: &mut World,
    variable: &str,
    arguments: &str,
    by: impl Fn(&Finished) -> String,
) -> String {
    world.unset(variable);
    let expected = by(&world.run(arguments));
    for blank in BLANK {
        world.set(variable, blank);
        assert_eq!(by(&world.run(arguments)), expected, "{variable}={blank:?}");
    }
    world.unset(variable);
    expected
}

#[test]
fn a_blank_token_counts_as_not_set_and_the_message_says_so() {
    for variable in ["HEROKU_API_TOKEN", "OTHER_TOKEN"] {
        let mut world = World::new(&ACME.replace("HEROKU_API_TOKEN", variable));
        let output = alike(&mut world, variable, ON_DAY, |finished| {
            format!("{} {}", finished.status, finished.stderr)
        });
        assert!(
            output.starts_with("2 ") && output.contains(&format!("acme: {variable} is not set")),
            "{output}"
        );
        let output =
            alike(&mut world, variable, "check --config-only", |finished| finished.stdout.clone());
        assert!(output.contains(&format!("{variable}: not set")), "{output}");
    }
}

#[test]
fn a_blank_database_address_counts_as_not_set() {
    for variable in ["DATABASE_URL", "MY_DATABASE"] {
        let mut world = World::new(&format!("[database]\nurl_env = \"{variable}\"\n{ACME}"));
        let output = alike(&mut world, variable, "status", |finished| {
            format!("{} {}", finished.status, finished.stderr)
        });
        assert!(
            output.starts_with("2 ")
                && output.contains(&format!("no database: {variable} is not set")),
            "{output}"
        );
        let output =
            alike(&mut world, variable, "check --config-only", |finished| finished.stdout.clone());
        assert!(output.contains(&format!("{variable}: not set")), "{output}");
    }
}

#[test]
fn a_blank_variable_of_an_option_leaves_the_option_at_its_default() {
    let mut world = World::new(ACME);
    let output = alike(&mut world, "AUDITSYNC_CONFIG", "check --config-only", |finished| {
        finished.stdout.clone()
    });
    assert!(output.contains("file audit.toml: "), "{output}");
    let shape = |finished: &Finished| {
        assert_eq!(finished.status, 0, "{finished:#?}");
        finished.stderr.lines().map(|line| line[..3].to_owned()).collect::<Vec<_>>().join(" ")
    };
    let output =
        alike(&mut world, "AUDITSYNC_LOG_FORMAT", "sync --dry-run --date 2024-09-28", shape);
    assert!(output.contains("ts="), "{output}");
    for blank in BLANK {
        world.set("AUDITSYNC_CONFIG", blank);
        world.set("AUDITSYNC_LOG_FORMAT", blank);
        assert_eq!(
            world.run("sync --dry-run --date 2024-09-28 -c audit.toml --log-format json").status,
            0
        );
    }
    world.set("AUDITSYNC_CONFIG", &world.place("other.toml", ACME));
    world.set("AUDITSYNC_LOG_FORMAT", "json");
    let finished = world.run("status");
    assert!(
        finished.stderr.is_empty() || finished.stderr.starts_with('{'),
        "a variable that is set counts: {finished:#?}"
    );
    assert!(world.run("check --config-only").stdout.contains("other.toml"));
}

#[test]
fn a_variable_that_names_the_file_is_not_in_the_usage_line() {
    let mut world = World::new(ACME);
    world.set("AUDITSYNC_CONFIG", "audit.toml");
    let finished = world.run("reset 2024-09-28");
    assert_eq!(finished.status, 2, "{finished:#?}");
    assert!(
        finished.stderr.contains("--source <NAME>") && !finished.stderr.contains("--config"),
        "{finished:#?}"
    );
}

#[test]
fn a_blank_dyno_user_or_monitor_counts_as_not_set() {
    let mut world = World::new(ACME);
    let reset = "reset --source acme 2024-09-28";
    for blank in BLANK {
        for variable in
            ["AUDITSYNC_BY", "DYNO", "USER", "RUST_LOG", "AUDITSYNC_PING_URL", "PGPASSWORD"]
        {
            world.set(variable, blank);
        }
        let finished = world.run(ON_DAY);
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert!(
            finished.stderr.contains("run finished")
                && !finished.stderr.contains("AUDITSYNC_PING_URL"),
            "{finished:#?}"
        );
        assert_eq!(world.run(reset).status, 2, "no name is set");
    }
    assert_eq!(
        world.sql(
            "SELECT count(*) FROM audit_history WHERE action = 'publish' \
            AND by NOT LIKE '%(no dyno)%'"
        ),
        "0"
    );
}

#[test]
fn a_blank_folder_for_temporary_files_means_the_default() {
    for blank in BLANK {
        let mut world = World::new(ACME);
        world.heroku.make_archive("acme", fake_heroku::Month { year: 2024, month: 9 });
        world.set("TMPDIR", blank);
        let finished = world.run("backfill --via archive --from 2024-09-28 --to 2024-09-28");
        assert_eq!(finished.status, 0, "{blank:?}: {finished:#?}");
    }
}

#[test]
fn an_empty_no_color_keeps_the_colors() {
    let mut world = World::new(ACME);
    world.set("NO_COLOR", "");
    let shown = Screen::start(&world.command(ON_DAY), (600, 250)).end();
    assert!(shown.raw.contains("\u{1b}[32msynced\u{1b}[0m"), "{:?}", shown.raw);
    world.set("NO_COLOR", "0");
    let shown = Screen::start(&world.command(ON_DAY), (600, 250)).end();
    assert!(!shown.raw.contains("\u{1b}[32m"), "{:?}", shown.raw);
}

#[cfg(unix)]
#[test]
fn a_token_that_is_not_text_is_rejected_with_that_reason() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new(ACME);
    let mut command = world.command(ON_DAY);
    command.env("HEROKU_API_TOKEN", std::ffi::OsStr::from_bytes(b"HRKU-\xff\xfe"));
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("contains a character that no token has") && !stderr.contains("is not set"),
        "{stderr}"
    );
}
