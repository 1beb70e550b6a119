//! `init`: from a token to a first file.

use std::path::PathBuf;

use crate::support::screen::Screen;
use crate::support::{ACME, World, steers};

const NARROW: (u16, u16) = (24, 80);

/// A world, and the path of a file that does not exist yet.
fn world() -> (World, PathBuf) {
    let world = World::new(ACME);
    let file = world.file().with_file_name("new.toml");
    (world, file)
}

fn init(world: &World, options: &str) -> String {
    format!("--config new.toml init --base-url {} {options}", world.heroku.url())
}

#[test]
fn every_account_of_the_token_is_in_the_file_that_init_writes() {
    let (world, file) = world();
    let finished = world.run(&init(&world, "--yes"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stdout.contains("Next: auditsync --config new.toml check"), "{finished:#?}");
    let text = std::fs::read_to_string(&file).expect("the file");
    assert!(!text.contains("HRKU") && !finished.stdout.contains("HRKU"), "{text}");
    assert!(text.contains("token_env = \"HEROKU_API_TOKEN\""), "{text}");
    assert!(text.contains("# Its teams, all included: team-a, team-b"), "{text}");
    let checked = world.run("--config new.toml check");
    assert!(checked.stdout.contains("account acme"), "{checked:#?}");
    assert_eq!(checked.status, 0, "{checked:#?}");
    assert_eq!(world.run("--config new.toml sync --date 2024-09-28").status, 0);
}

#[test]
fn init_changes_no_file_that_exists() {
    let (world, file) = world();
    for make in
        [(|file| std::fs::write(file, "mine")) as fn(&PathBuf) -> std::io::Result<()>, |file| {
            std::os::unix::fs::symlink("nowhere", file)
        }]
    {
        make(&file).expect("a file");
        let before = std::fs::read_link(&file).ok();
        let finished = world.run(&init(&world, "--yes"));
        assert_eq!(finished.status, 2, "{finished:#?}");
        assert!(finished.stderr.contains("new.toml exists"), "{finished:#?}");
        assert_eq!(std::fs::read_link(&file).ok(), before);
        if before.is_none() {
            assert_eq!(std::fs::read_to_string(&file).expect("the file"), "mine");
        }
        std::fs::remove_file(&file).expect("no file");
    }
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn without_a_terminal_or_a_token_init_says_what_it_needs() {
    let (world, file) = world();
    for (options, status, said) in [
        ("", 2, "Give --yes"),
        ("--yes --token-env NO_SUCH_TOKEN", 2, "NO_SUCH_TOKEN is not set"),
        (
            "--yes --token-env HRKU-1234-5678-9012",
            2,
            "this looks like a token: put it into a variable, and give the variable's name\n",
        ),
        ("--yes --token-env 1A", 2, "this names no variable: use letters, digits and _"),
        ("--yes --token-env ACME_VIEWER_TOKEN", 1, "the permission `manage`"),
    ] {
        let finished = world.run(&init(&world, options));
        assert_eq!(finished.status, status, "{options}: {finished:#?}");
        assert!(finished.stderr.contains(said), "{options}: {finished:#?}");
        assert!(!finished.stderr.contains("5678-9012"), "{options}: {finished:#?}");
    }
    let plain = world.run("--config new.toml init --yes --base-url http://example.com");
    assert_eq!(plain.status, 2, "{plain:#?}");
    let away = world.run("--config new.toml init --yes --base-url http://127.0.0.1:1");
    assert_eq!(away.status, 1, "{away:#?}");
    assert!(away.stderr.contains("can't reach 127.0.0.1:1"), "{away:#?}");
    assert!(!file.exists());
}

#[test]
fn a_refused_token_is_named_by_its_variable() {
    let (mut world, file) = world();
    world.set("OLD_TOKEN", "HRKU-revoked-0001-not-a-secret");
    let finished = world.run(&init(&world, "--yes --token-env OLD_TOKEN --output json"));
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(
        finished.stderr.contains("Heroku refused the token in OLD_TOKEN (401"),
        "{finished:#?}"
    );
    assert!(finished.json()["error"].is_object() || finished.json()["error"].is_string());
    assert!(!file.exists());
}

#[test]
fn on_a_terminal_init_asks_for_the_variable_and_the_sources() {
    let (mut world, file) = world();
    world.set("TERM", "dumb");
    let screen = Screen::start(&world.command(&init(&world, "")), NARROW);
    screen.wait_for(&["Variable that holds the Heroku API token"]);
    screen.type_keys("NO_SUCH_TOKEN\n");
    // A command stays on one line.
    screen.wait_for(&["NO_SUCH_TOKEN is not set. Set it to a token:"]);
    screen.wait_for(&["  `export NO_SUCH_TOKEN=$(heroku authorizations:create --short)`"]);
    screen.type_keys("HRKU-1234-5678-9012\n");
    screen.wait_for(&["this looks like a token: put it into a variable, and give the"]);
    screen.type_keys("\n");
    screen.wait_for(&["Numbers of the sources"]);
    screen.type_keys("9\n");
    screen.wait_for(&["write numbers from 1 to"]);
    screen.type_keys("2\n");
    let shown = screen.end();
    assert_eq!(shown.status, Some(0), "{:#?}", shown.lines);
    assert!(!shown.raw.contains("HRKU-demo") && !shown.raw.contains('\u{1b}'), "{}", shown.raw);
    let text = std::fs::read_to_string(&file).expect("the file");
    assert!(text.contains("team = \"team-a\"") && text.contains("acme-team-a"), "{text}");
}

#[test]
fn the_end_of_the_input_writes_nothing() {
    let (world, file) = world();
    let screen = Screen::start(&world.command(&init(&world, "")), NARROW);
    screen.wait_for(&["Variable that holds the Heroku API token"]);
    screen.type_keys("\u{4}");
    assert_eq!(screen.end().status, Some(2));
    assert!(!file.exists());
}

#[test]
fn a_hostile_name_steers_neither_the_terminal_nor_the_file() {
    let hostile = "a\u{1b}[2J\u{202e}\n[[source]] \"b";
    let mut model: fake_heroku::Model = fake_heroku::Fixtures::committed().into();
    for account in &mut model.directory.enterprise_accounts {
        if account.name == "acme" {
            hostile.clone_into(&mut account.name);
        }
    }
    let world = World::with(model, ACME);
    let finished = world.run(&init(&world, "--yes"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    let text = std::fs::read_to_string(world.file().with_file_name("new.toml")).expect("a file");
    for text in [&text, &finished.stdout, &finished.stderr] {
        assert!(!text.chars().any(steers), "{text}");
    }
    assert_eq!(text.lines().filter(|line| *line == "[[source]]").count(), 1, "{text}");
    assert_eq!(world.run("--config new.toml check --config-only").status, 0);
}
