//! The files in `deploy/` start the program as it is, and say what is true of it.

use std::path::PathBuf;
use std::process::Command;

use auditsync::config::Config;

use crate::support::{ACME, World, yesterday};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The lines of a file that are no comments.
fn lines(name: &str) -> Vec<String> {
    let text = read(name);
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// The value of the only line `KEY=VALUE`, `KEY: VALUE` or `- KEY: VALUE`.
fn value(name: &str, key: &str) -> String {
    let lines = lines(name);
    let values = lines.iter().filter_map(|line| {
        let rest = line.trim_start_matches("- ").strip_prefix(key)?;
        rest.strip_prefix('=').or_else(|| rest.strip_prefix(": ")).map(str::to_owned)
    });
    let values: Vec<String> = values.collect();
    assert_eq!(values.len(), 1, "{name}: {key}: {values:?}");
    values[0].clone()
}

/// The arguments of the program in each file, for the file and the variables of a test.
fn commands() -> Vec<(&'static str, String)> {
    let cron = lines("deploy/cron/auditsync").pop().expect("a line of cron");
    let cron = cron.split_once("/usr/local/bin/auditsync ").expect("the program").1.to_owned();
    let pod = value("deploy/kubernetes/cronjob.yaml", "args");
    let pod = pod.trim_matches(['[', ']']).replace(',', "");
    let unit = value("deploy/systemd/auditsync.service", "ExecStart");
    let workflow = lines("deploy/github-actions/auditsync.yml");
    let workflow = workflow.iter().find(|line| line.starts_with("run: exec /usr/local/bin/"));
    let of = |command: &str| {
        let (_, arguments) = command.split_once("auditsync ").expect("the program");
        arguments.replace("/etc/auditsync/", "")
    };
    vec![
        ("cron", cron.split(" >").next().expect("arguments").to_owned()),
        ("kubernetes", of(&pod)),
        ("systemd", of(&unit)),
        ("github-actions", of(workflow.expect("a step"))),
    ]
}

#[test]
fn each_platform_starts_a_sync_that_the_program_knows() {
    for (platform, arguments) in commands() {
        let world = World::new(ACME);
        let run = world.run(&arguments);
        assert_eq!(run.status, 0, "{platform}: {run:#?}");
        assert_eq!(world.sql("SELECT status FROM audit_events_log"), "SUCCESS", "{platform}");
    }
}

#[test]
fn the_environment_holds_what_the_example_names_for_every_reader() {
    let mut expected = vec!["DATABASE_URL".to_owned()];
    let example =
        Config::load(&repository().join("audit.toml"), yesterday()).expect("a right file");
    expected.extend(example.sources.iter().map(|source| source.token_env.clone()));
    expected.sort();
    expected.dedup();
    let lines = lines("deploy/environment");
    let mut names: Vec<&str> =
        lines.iter().map(|line| line.split_once('=').expect("a variable").0).collect();
    names.sort_unstable();
    assert_eq!(names, expected);
    // A shell, systemd, Docker and kubectl read it: they differ in quotes and special characters.
    for line in &lines {
        assert!(!line.contains(['"', '\'', '&', ' ', '$', '%', '#']), "{line}");
    }
    let shell = Command::new("sh")
        .args(["-c", "set -a; . deploy/environment && env"])
        .current_dir(repository())
        .env_clear()
        .output()
        .expect("a shell");
    let seen = String::from_utf8(shell.stdout).expect("text");
    for line in &lines {
        assert!(seen.lines().any(|found| found == line), "the shell lost {line}");
    }
}

#[test]
fn cron_mails_the_exit_status_of_a_failure_and_nothing_else() {
    let lines = lines("deploy/cron/auditsync");
    let line = lines.last().expect("a line");
    let command = line.splitn(7, ' ').nth(6).expect("a command");
    // In a crontab, `%` ends the command.
    assert!(!command.contains('%'), "{command}");
    for (token, mail) in [("right", ""), ("wrong", "exit status 1\n")] {
        let mut world = World::new(ACME);
        if token == "wrong" {
            world.set("HEROKU_API_TOKEN", "HRKU-wrong-not-a-secret");
        }
        let program = world.command("");
        let file = world.place("environment", "");
        let command = command
            .replace("/usr/local/bin/auditsync", &program.get_program().to_string_lossy())
            .replace("/etc/auditsync/environment", &file);
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).env_clear();
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("AUDITSYNC_CONFIG", world.file()).current_dir("/");
        let output = shell.output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), mail, "{token}: {output:?}");
        assert_eq!(output.stderr.is_empty(), mail.is_empty(), "{token}: {output:?}");
    }
}

#[test]
fn each_platform_waits_longer_than_the_program_needs_to_stop() {
    let grace = value("deploy/kubernetes/cronjob.yaml", "terminationGracePeriodSeconds");
    let stop = value("deploy/systemd/auditsync.service", "TimeoutStopSec");
    for seconds in [grace, stop] {
        assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds > 5), "{seconds}");
    }
    assert_eq!(value("deploy/systemd/auditsync.service", "SuccessExitStatus"), "143");
}

#[test]
fn each_platform_runs_after_midnight_in_utc_once_a_day() {
    assert_eq!(value("deploy/kubernetes/cronjob.yaml", "timeZone"), "Etc/UTC");
    for file in ["deploy/kubernetes/cronjob.yaml", "deploy/github-actions/auditsync.yml"] {
        let key = if file.contains("kubernetes") { "schedule" } else { "cron" };
        assert_eq!(value(file, key), "\"30 0 * * *\"", "{file}");
    }
    assert_eq!(value("deploy/systemd/auditsync.timer", "OnCalendar"), "*-*-* 00:30:00 UTC");
    assert_eq!(value("deploy/systemd/auditsync.timer", "Persistent"), "true");
}

#[test]
fn files_that_name_a_release_name_this_version_and_its_archives() {
    let version = env!("CARGO_PKG_VERSION");
    let image = value("deploy/kubernetes/cronjob.yaml", "image");
    assert!(image.ends_with(&format!("/auditsync:{version}")), "{image}");
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let repository = manifest["package"]["repository"].as_str().expect("an address");
    let archive = value("deploy/github-actions/auditsync.yml", "ADDRESS");
    let folder = format!("{repository}/releases/download/v{version}/");
    let name = archive.strip_prefix(&folder).unwrap_or_else(|| panic!("{archive}"));
    let release: toml::Table = read("dist-workspace.toml").parse().expect("TOML");
    let targets = release["dist"]["targets"].as_array().expect("targets");
    let ending = release["dist"]["unix-archive"].as_str().expect("an ending");
    let archives: Vec<String> = targets
        .iter()
        .map(|target| format!("auditsync-{}{ending}", target.as_str().expect("a target")))
        .collect();
    assert!(archives.iter().any(|archive| archive == name), "{name} is not in {archives:?}");
    // The buildpack and cargo-binstall put the same names together.
    let compile = read("buildpack/bin/compile");
    assert!(compile.contains("auditsync-$target.tar.gz") && ending == ".tar.gz");
    for target in targets.iter().filter_map(toml::Value::as_str) {
        let is_linux = target.contains("linux");
        assert_eq!(compile.contains(&format!("target={target} ;;")), is_linux, "{target}");
    }
    let binstall = manifest["package"]["metadata"]["binstall"]["pkg-url"].as_str();
    let expected = "{ repo }/releases/download/v{ version }/{ name }-{ target }.tar.gz";
    assert_eq!(binstall, Some(expected));
}
