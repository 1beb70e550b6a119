//! Which program ran: the commit that the build finds, and the release that the platform names.

use std::path::Path;
use std::process::Command;

use crate::support::{ACME, World, steers};

/// The commit that this package was built from. Cargo gives it to tests, too.
const COMMIT: Option<&str> = option_env!("AUDITSYNC_COMMIT");

/// The program as a result names it.
fn program(release: Option<&str>) -> String {
    let commit = COMMIT.map(|commit| format!("commit {}", &commit[..12]));
    let release = release.map(|release| format!("release {release}"));
    let known: Vec<String> = [commit, release].into_iter().flatten().collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    format!("auditsync {}{known}", env!("CARGO_PKG_VERSION"))
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn the_version_names_the_commit_that_was_built() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join(".git").exists() {
        assert_eq!(COMMIT, git(here, &["rev-parse", "HEAD"]).as_deref());
    }
    let world = World::new(ACME);
    for arguments in ["--version", "-V"] {
        assert_eq!(world.run(arguments).stdout, format!("{}\n", program(None)));
    }
    assert!(
        !world.run("man").stdout.contains(COMMIT.unwrap_or("commit ")),
        "a page is of a version"
    );
}

#[test]
fn the_last_line_of_a_run_names_version_commit_and_release() {
    let mut world = World::new(ACME);
    world.set("HEROKU_RELEASE_VERSION", "v42");
    let finished = world.run("sync --date 2024-09-28");
    let last = finished.stdout.lines().last().expect("a line");
    assert!(last.starts_with("Head: ") && last.ends_with(&program(Some("v42"))), "{finished:#?}");
    let last = finished.stderr.lines().last().expect("a line");
    let version = format!(" version={}", env!("CARGO_PKG_VERSION"));
    assert!(last.contains(&version) && last.contains(" release=v42"), "{finished:#?}");
    let commit = COMMIT.map(|commit| format!(" commit={commit} ")).unwrap_or_default();
    assert!(last.contains("run finished") && last.contains(&commit), "{finished:#?}");
    let dry = World::new(ACME).run("sync --dry-run --date 2024-09-28");
    assert_eq!(dry.stdout.lines().last(), Some(&*program(None)), "{dry:#?}");
}

#[test]
fn a_hostile_name_of_a_release_steers_nothing() {
    let mut world = World::new(ACME);
    let hostile = format!("v1\u{1b}[2J\u{202e}\nFAKE all is well {}", "x".repeat(9000));
    world.set("HEROKU_RELEASE_VERSION", &hostile);
    world.set("HEROKU_SLUG_COMMIT", &hostile);
    for arguments in ["--version", "sync --date 2024-09-28", "sync --date 2024-09-28 -v"] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 0, "{finished:#?}");
        for text in [&finished.stdout, &finished.stderr] {
            assert!(!text.chars().any(|c| steers(c) && c != '\n'), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("FAKE")), "{text:?}");
        }
        let longest = finished.stdout.lines().map(str::len).max().unwrap_or_default();
        assert!(longest < 300, "{finished:#?}");
    }
}

#[test]
fn a_build_finds_its_commit_in_its_own_repository_or_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let rustc = option_env!("RUSTC").unwrap_or("rustc");
    let mut compiler = Command::new(rustc);
    compiler.args(["--edition", "2024", "-o"]).arg(&script).arg(source);
    assert!(compiler.status().expect("rustc").success());
    let found = |folder: &Path, source_version: Option<&str>| {
        let mut command = Command::new(&script);
        command.current_dir(folder).env_remove("SOURCE_VERSION");
        command.envs(source_version.map(|value| ("SOURCE_VERSION", value)));
        let output = command.output().expect("the script runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let missing = text
            .lines()
            .filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="))
            .find(|path| *path != "build.rs" && !folder.join(path).exists());
        assert_eq!(missing, None, "Cargo would build each time");
        let prefix = "cargo::rustc-env=AUDITSYNC_COMMIT=";
        text.lines().find_map(|line| line.strip_prefix(prefix).map(str::to_owned))
    };
    let heroku = "0123456789abcdef0123456789abcdef01234567";
    let alone = folder.path().join("alone");
    std::fs::create_dir(&alone).expect("a folder");
    assert_eq!(found(&alone, None), None);
    assert_eq!(found(&alone, Some(heroku)).as_deref(), Some(heroku));
    for hostile in ["", "main", "a\ncargo::rustc-env=PATH=/", &"0".repeat(65)] {
        assert_eq!(found(&alone, Some(hostile)), None, "{hostile:?}");
    }
    let repository = folder.path().join("repository");
    let copy = repository.join("copy");
    std::fs::create_dir_all(&copy).expect("folders");
    let someone = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    let commit = ["commit", "--quiet", "--allow-empty", "--message", "one"];
    git(&repository, &["init", "--quiet"]).expect("a repository");
    git(&repository, &[&someone[..], &commit].concat()).expect("a commit");
    let head = git(&repository, &["rev-parse", "HEAD"]);
    assert_eq!(found(&repository, Some(heroku)), head);
    git(&repository, &["pack-refs", "--all"]).expect("packed refs");
    assert_eq!(found(&repository, None), head);
    assert_eq!(found(&copy, None), None, "another repository is around it");
}
