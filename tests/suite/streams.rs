//! The streams: output that stdout does not accept is a failure, output that stderr does not accept
//! is not, and every error has a document.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use fake_heroku::{Fault, Match};
use serde_json::Value;

use crate::support::{ACME, Finished, World, raw};

/// A stream that accepts no byte.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("a full device").into()
}

/// The program from a shell that closes a stream first.
fn closing(world: &World, arguments: &str, stream: &str) -> Command {
    let mut command = world.command("");
    let path = std::env::var_os("PATH").expect("a path to the shell");
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("exec {} {arguments} {stream}>&-", command.get_program().display()));
    shell
        .env_clear()
        .env("PATH", path)
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().expect("a folder"));
    command.stdin(Stdio::null());
    shell
}

/// The parts that do not differ between runs.
fn lasting(stdout: &str) -> Value {
    let mut document: Value =
        serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    for key in ["run_id", "started_at", "finished_at", "checked_at"] {
        document.as_object_mut().expect("an object").remove(key);
    }
    for list in ["days", "archives"] {
        for entry in document[list].as_array_mut().into_iter().flatten() {
            for key in ["duration_ms", "updated_at"] {
                entry.as_object_mut().expect("an entry").remove(key);
            }
            // Each request has its own id.
            let error = entry["error"].as_str().and_then(|text| text.split(", request ").next());
            entry["error"] = error.map(Value::from).unwrap_or_default();
        }
    }
    document
}

#[test]
fn a_full_or_closed_stderr_changes_no_exit_status_and_no_document() {
    for (arguments, status) in [
        ("sync --dry-run --date 2024-09-28 -vv", 0),
        ("sync --dry-run --date 2024-09-28 --source acme --log-format text", 0),
        ("status", 0),
        ("check --config-only", 0),
        ("history", 3),
        ("sync --source nobody", 2),
        ("sync -c nowhere.toml", 2),
        ("sync --bogus", 2),
        ("--dry-run status", 2),
        ("status --database-url postgres://u@127.0.0.1:port/d", 2),
        ("backfill --from 2024-09-28 --to 2024-09-28 --via archive", 1),
    ] {
        let world = World::new(ACME);
        world.heroku.fault(
            Match::path("/enterprise-accounts/acme/archives").always(),
            Fault::status(404, "not_found", "no"),
        );
        let arguments = format!("{arguments} --output json");
        let document = |finished: Finished| {
            assert_eq!(finished.status, status, "{arguments}: {finished:#?}");
            lasting(&finished.stdout)
        };
        let heard = document(world.run(&arguments));
        assert_eq!(
            document(Finished::of(world.command(&arguments).stderr(full()))),
            heard,
            "{arguments}"
        );
        assert_eq!(
            document(Finished::of(&mut closing(&world, &arguments, "2"))),
            heard,
            "{arguments}"
        );
        let text = arguments.replace("json", "text");
        assert_eq!(Finished::of(world.command(&text).stderr(full())).status, status, "{text}");
        assert_eq!(Finished::of(&mut closing(&world, &text, "2")).status, status, "{text}");
    }
}

#[test]
fn an_unwritable_result_is_a_failure_reported_on_stderr() {
    let world = World::new(ACME);
    assert_eq!(world.run("sync --date 2024-09-27").status, 0);
    for arguments in [
        "sync --date 2024-09-28",
        "sync --date 2024-09-28 --output json",
        "sync --dry-run --date 2024-09-28",
        "status",
        "status --output json",
        "history",
        "reset --source acme 2024-09-28",
        "cleanup",
        "migrate",
        "check --config-only",
        "backfill --from 2024-09-28 --to 2024-09-28 --plan",
        "reconcile --month 2024-09",
        "--help",
        "sync --help",
        "--version",
        "keygen --name a",
        "keygen --name a --output json",
        "completions bash",
        "man",
        "man reset",
    ] {
        let finished = Finished::of(world.command(arguments).stdout(full()));
        assert_eq!(finished.status, 1, "{arguments}: {finished:#?}");
        let errors = finished
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: the result can't be written to stdout"));
        assert_eq!(errors.count(), 1, "{arguments}: {finished:#?}");
    }
    assert_eq!(
        world.sql("SELECT count(*) FROM audit_events_log WHERE status = 'PENDING'"),
        "1",
        "each did its work"
    );
}

#[test]
fn a_failure_keeps_its_exit_status_if_its_document_is_unwritable() {
    let world = World::new(ACME);
    for (arguments, status) in [
        ("sync --bogus", 2),
        ("sync --source nobody", 2),
        ("status --database-url postgres://u@127.0.0.1:1/d?connect_timeout=1", 3),
    ] {
        let finished = Finished::of(
            world.command(&format!("{arguments} --output json")).stdout(full()).stderr(full()),
        );
        assert_eq!(finished.status, status, "{arguments}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_no_failure() {
    let world = World::new(ACME);
    for arguments in [
        "status",
        "status --output json",
        "sync --date 2024-09-28",
        "--help",
        "man",
        "keygen --name a",
        "completions zsh",
    ] {
        let mut child = world.command(arguments).spawn().expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !stderr.contains("can't be written"),
            "{arguments}: {stderr}"
        );
    }
}

#[test]
fn the_monitor_is_pinged_for_a_run_with_an_unwritable_report() {
    let (monitor, pings) = raw::monitor();
    let mut world = World::new(ACME);
    world.set("AUDITSYNC_PING_URL", &format!("{monitor}/job"));
    assert_eq!(
        Finished::of(world.command("--date 2024-09-28 --output json").stdout(full())).status,
        1
    );
    assert_eq!(pings.try_recv().as_deref(), Ok("GET /job/fail HTTP/1.1"));
    assert_eq!(Finished::of(world.command("--date 2024-09-28").stderr(full())).status, 0);
    assert_eq!(pings.try_recv().as_deref(), Ok("GET /job HTTP/1.1"));
}

#[test]
fn an_argument_error_gets_a_document_wherever_output_json_is_given() {
    let world = World::new(ACME);
    for (arguments, word) in [
        ("--output json --bogus", "--bogus"),
        ("--bogus --output json", "--bogus"),
        ("--output=json statsu", "statsu"),
        ("statsu --output=json", "statsu"),
        ("status --days 0 --output json", "--days"),
        ("--output json status --days many", "many"),
        ("reset --output json", "--source"),
        ("sync --date 2024-13-01 --output json", "2024-13-01"),
        ("--output json sync --to 2024-09-28", "--from"),
        ("--source acme --output json status", "sync"),
        ("--log-format xml --output json", "xml"),
        ("-q -v --output json", "--quiet"),
        ("--output json --output xml", "--output"),
        ("keygen --name a+b --output json", "a+b"),
        ("--output json completions tcsh", "tcsh"),
    ] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 2, "{arguments}: {finished:#?}");
        let document = finished.json();
        let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["error", "exit_status"], "{arguments}: {document}");
        assert_eq!(document["exit_status"], 2, "{arguments}: {document}");
        let error = document["error"].as_str().expect("text");
        assert!(error.contains(word) && !error.starts_with("error: "), "{arguments}: {error}");
        assert!(
            finished.stderr.contains("error: ") && finished.stderr.contains(word),
            "{arguments}: {finished:#?}"
        );
    }
    let document = world.run("--config none.toml --output json").json();
    let error = document["error"].as_str().expect("text");
    assert!(error.starts_with("can't read none.toml: the file does not exist"), "{error}");
    for arguments in
        ["--bogus", "--output text --bogus", "reset --source acme -- --output json", "--output"]
    {
        let finished = world.run(arguments);
        assert!(finished.status == 2 && finished.stdout.is_empty(), "{arguments}: {finished:#?}");
    }
}

#[test]
fn help_and_version_are_text_and_succeed_in_any_output_format() {
    let world = World::new(ACME);
    for arguments in ["--output json --help", "status --output=json -h", "--version --output json"]
    {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 0, "{arguments}: {finished:#?}");
        assert!(
            finished.stdout.contains("auditsync") && !finished.stdout.contains('{'),
            "{arguments}: {finished:#?}"
        );
    }
}
