//! What the very first run of a source says of the days that it leaves to a backfill.

use chrono::Days;

use crate::support::{ACME, World, yesterday};

#[test]
fn a_first_run_with_since_names_the_command_that_reads_the_older_days() {
    let (since, newest) = (yesterday() - Days::new(10), yesterday() - Days::new(1));
    let source = |name: &str, more: &str| {
        format!("{}{more}\n", ACME.replacen("\"acme\"", &format!("\"{name}\""), 1))
    };
    let since_then = format!("since = \"{since}\"\n");
    let world = World::busy(
        &[
            source("acme", &since_then),
            source("new", &format!("{since_then}filter = {{ type = \"app\" }}")),
            source("plain", "filter = { type = \"user\" }"),
        ]
        .concat(),
    );
    let hint = format!(
        "\nacme, new: `since` is {since}: 10 older days of each are missing. To read them:\n  \
         `auditsync backfill --source acme --source new --from {since} --to {newest}`\n"
    );
    let dry = world.run("--dry-run");
    assert!(dry.status == 0 && dry.stdout.contains(&hint), "{dry:#?}");
    let logged = |log: &str| log.matches("\"older days are missing").count();
    assert_eq!(logged(&dry.stderr), 2, "{dry:#?}");
    // Named days are what the user wants to read.
    let named = world.run("--dry-run --date yesterday");
    assert!(!named.stdout.contains("older day"), "{named:#?}");

    let first = world.run("");
    assert!(first.status == 0 && first.stdout.contains(&hint), "{first:#?}");
    let line = format!("source=acme from={since} to={newest} days=10");
    assert!(logged(&first.stderr) == 2 && first.stderr.contains(&line), "{first:#?}");
    let second = world.run("");
    assert!(!second.stdout.contains("older day") && logged(&second.stderr) == 0, "{second:#?}");
    let (_, command) = hint.split_once("`auditsync ").expect("the command");
    let command = command.trim_end().trim_end_matches('`');
    assert_eq!(world.run(command).status, 0, "{command}");
    assert_eq!(world.run("status --check").status, 0);
}
