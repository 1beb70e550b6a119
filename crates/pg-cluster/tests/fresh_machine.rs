//! `./test` on machines that lack what the tests need. Each machine is a folder of stubs.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// The files that `./test` reads. In the two lists, each path gets the machine's root as its
/// prefix.
const FILES: [&str; 3] = ["test", "Cargo.toml", "rust-toolchain.toml"];
const LISTS: [&str; 2] = ["crates/pg-cluster/src/places.rs", "tests/suite/support/pooler.rs"];

/// Programs of the system, taken from the real machine.
const SYSTEM: [&str; 6] = ["sed", "dirname", "readlink", "env", "mkdir", "cp"];

const DEBIAN_SERVER: &str = "usr/lib/postgresql/17/bin";
const BREW_SERVER: &str = "opt/homebrew/opt/postgresql@17/bin";

/// Every package that the tests need, by Debian's names.
const EVERYTHING: [&str; 8] = [
    "build-essential",
    "postgresql",
    "pgbouncer",
    "bash",
    "python3",
    "procps",
    "rustup",
    "toolchain",
];

/// A machine: a root folder whose `bin` is its entire `PATH`.
struct Machine {
    root: PathBuf,
    postgres_bin: Option<PathBuf>,
}

impl Machine {
    /// A machine with these packages, this answer of `uname` and this user id.
    fn new(system: &str, uid: u32, packages: &[&str]) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("fresh-machine-{}-{number}", std::process::id());
        let machine = Self { root: env::temp_dir().join(name), postgres_bin: None };
        for program in SYSTEM {
            let path = env::var_os("PATH").expect("a PATH");
            let found = env::split_paths(&path).map(|folder| folder.join(program));
            let found = found.into_iter().find(|path| path.is_file()).expect(program);
            fs::create_dir_all(machine.root.join("bin")).unwrap();
            symlink(found, machine.root.join("bin").join(program)).unwrap();
        }
        machine.copy_the_repository();
        machine.stock_the_shelf();
        machine.stub("bin/uname", &format!("echo {system}"));
        machine.stub("bin/id", &format!("echo {uid}"));
        for package in packages {
            let done = Command::new("cp")
                .arg("-R")
                .arg(machine.root.join("shelf").join(package).join("."))
                .arg(&machine.root)
                .status();
            assert!(done.unwrap().success(), "{package}");
        }
        machine
    }

    fn debian(uid: u32, packages: &[&str]) -> Self {
        let machine = Self::new("Linux", uid, packages);
        machine.stub("bin/apt-get", &machine.installer("apt-get", "install"));
        machine.stub("bin/apt-cache", "echo '  Candidate: 1.27.1-4'");
        machine
    }

    fn macos(packages: &[&str]) -> Self {
        let machine = Self::new("Darwin", 501, packages);
        let prefix = machine.root.join("opt/homebrew");
        let install = machine.installer("brew", "install");
        let brew =
            format!("[ \"$1\" != --prefix ] || {{ echo {}; exit; }}\n{install}", prefix.display());
        machine.stub("bin/brew", &brew);
        machine
    }

    fn copy_the_repository(&self) {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for file in FILES.into_iter().chain(LISTS) {
            let copy = self.root.join("repository").join(file);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(repository.join(file), &copy).unwrap();
            if LISTS.contains(&file) {
                let text = fs::read_to_string(&copy).unwrap();
                fs::write(
                    copy,
                    text.replace("    \"/", &format!("    \"{}/", self.root.display())),
                )
                .unwrap();
            }
        }
    }

    /// Put the files of each package into a folder of `shelf`. The stubs install them from there.
    fn stock_the_shelf(&self) {
        for (package, folder, programs) in [
            ("build-essential", "bin", "cc"),
            ("postgresql", DEBIAN_SERVER, "initdb postgres pg_ctl psql pg_dump"),
            ("postgresql@17", BREW_SERVER, "initdb postgres pg_ctl psql pg_dump"),
            ("pgbouncer", "usr/sbin", "pgbouncer"),
            ("bash", "bin", "bash"),
            ("python3", "bin", "python3"),
            ("procps", "bin", "ps"),
        ] {
            for program in programs.split(' ') {
                self.stub(&format!("shelf/{package}/{folder}/{program}"), "exit 0");
            }
        }
        self.stub(
            "shelf/rustup/bin/rustup",
            &format!("{}\n{}", self.note("rustup"), self.take("toolchain")),
        );
        self.stub("shelf/toolchain/bin/rustc", "echo 'rustc 1.95.0 (59807616e 2026-04-14)'");
        let version = "[ \"$1\" != --version ] || { echo 'cargo 1.95.0'; exit; }";
        self.stub("shelf/toolchain/bin/cargo", &format!("{version}\n{}", self.note("cargo")));
    }

    /// The script of a package manager: record the call, and install from the shelf.
    fn installer(&self, name: &str, verb: &str) -> String {
        format!(
            "{}\n[ \"$1\" = {verb} ] || exit 0\nfor package; do {}; done\nexit 0",
            self.note(name),
            self.take("$package"),
        )
    }

    fn take(&self, package: &str) -> String {
        let root = self.root.display();
        format!("[ ! -d \"{root}/shelf/{package}\" ] || cp -R \"{root}/shelf/{package}/.\" {root}")
    }

    fn note(&self, name: &str) -> String {
        format!("echo \"{name} $*\" >>{}/log", self.root.display())
    }

    fn stub(&self, path: &str, script: &str) {
        let file = self.root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.root.join(path)).unwrap();
    }

    /// Run `./test` there.
    fn run(&self, arguments: &[&str]) -> Run {
        let _ = fs::remove_file(self.root.join("log"));
        let mut command = Command::new(self.root.join("repository/test"));
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.env("PATH", self.root.join("bin")).env("HOME", &self.root);
        command.envs(self.postgres_bin.as_ref().map(|folder| ("AUDITSYNC_POSTGRES_BIN", folder)));
        let Output { status, stdout, stderr } = command.output().unwrap();
        let log = fs::read_to_string(self.root.join("log")).unwrap_or_default();
        assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
        Run {
            status: status.code().expect("an exit status"),
            message: String::from_utf8(stderr).unwrap(),
            calls: log.lines().map(str::to_owned).collect(),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The result of `./test`, and the programs that it called, in order.
#[derive(Debug)]
struct Run {
    status: i32,
    message: String,
    calls: Vec<String>,
}

impl Run {
    fn assert_rejected(&self, words: &[&str]) {
        assert_eq!(self.status, 1, "{self:#?}");
        for word in words {
            assert!(self.message.contains(word), "{word:?} is not in {self:#?}");
        }
        assert!(!self.calls.iter().any(|call| call.starts_with("cargo")), "{self:#?}");
    }
}

#[test]
fn a_complete_machine_runs_the_tests_with_the_arguments() {
    let run = Machine::debian(0, &EVERYTHING).run(&["--test", "suite", "lease::"]);
    assert_eq!((run.status, run.message.as_str()), (0, ""));
    assert_eq!(run.calls, ["cargo test --test suite lease::"]);
}

#[test]
fn root_on_debian_gets_all_that_is_missing_by_apt() {
    let run = Machine::debian(0, &[]).run(&[]);
    assert_eq!(run.status, 0, "{run:#?}");
    let install = "apt-get install -y -qq rustup build-essential postgresql postgresql-client \
                   pgbouncer bash python3 procps";
    let toolchain = "rustup toolchain install 1.95.0";
    assert_eq!(run.calls, ["apt-get update -qq", install, toolchain, "cargo test"]);
    for line in ["Rust 1.95", "a C compiler (cc)", "(initdb, postgres, pg_ctl)", "PgBouncer"] {
        assert!(run.message.contains(line), "{}", run.message);
    }
}

#[test]
fn a_user_on_debian_installs_by_sudo_what_is_missing_alone() {
    let machine = Machine::debian(1000, &EVERYTHING);
    machine.remove("usr/sbin/pgbouncer");
    machine.stub("bin/sudo", &format!("{}\n\"$@\"", machine.note("sudo")));
    let run = machine.run(&[]);
    assert_eq!(run.status, 0, "{run:#?}");
    let install = "apt-get install -y -qq pgbouncer";
    let sudo = format!("sudo env DEBIAN_FRONTEND=noninteractive {install}");
    let update = "apt-get update -qq";
    assert_eq!(run.calls, [&*format!("sudo {update}"), update, &sudo, install, "cargo test"]);
}

#[test]
fn without_root_and_sudo_it_says_what_root_must_run() {
    let machine = Machine::debian(1000, &EVERYTHING);
    machine.remove("usr/sbin/pgbouncer");
    let run = machine.run(&[]);
    run.assert_rejected(&["do this as root:\n  apt-get install pgbouncer\n"]);
    assert!(run.calls.is_empty(), "{run:#?}");
}

#[test]
fn a_check_installs_nothing_and_exits_1_where_something_is_missing() {
    let machine = Machine::debian(0, &EVERYTHING);
    assert_eq!(machine.run(&["--check"]).message, "Nothing is missing.\n");
    machine.remove("usr/sbin/pgbouncer");
    let run = machine.run(&["--check"]);
    run.assert_rejected(&["\n  PgBouncer\n", "\n  apt-get install pgbouncer\n"]);
    assert!(run.calls.is_empty(), "{run:#?}");
}

#[test]
fn what_stays_missing_after_the_installation_is_an_error() {
    let machine = Machine::debian(0, &EVERYTHING);
    machine.remove("usr/sbin/pgbouncer");
    machine.remove("shelf/pgbouncer/usr/sbin/pgbouncer");
    machine.run(&[]).assert_rejected(&["still missing:\n  PgBouncer\n"]);
}

#[test]
fn the_lists_of_packages_that_are_here_serve_where_an_update_fails() {
    let machine = Machine::debian(0, &EVERYTHING);
    machine.remove("usr/sbin/pgbouncer");
    let install = machine.installer("apt-get", "install");
    machine.stub("bin/apt-get", &format!("[ \"$1\" != update ] || exit 100\n{install}"));
    assert_eq!(machine.run(&[]).calls, ["apt-get install -y -qq pgbouncer", "cargo test"]);
}

#[test]
fn a_debian_without_a_package_of_rustup_names_its_site() {
    let machine = Machine::debian(0, &EVERYTHING[..6]);
    machine.stub("bin/apt-cache", "echo '  Candidate: (none)'");
    let run = machine.run(&[]);
    run.assert_rejected(&["https://rustup.rs", "rustup toolchain install 1.95.0"]);
    assert_eq!(run.calls, ["apt-get update -qq"]);
}

#[test]
fn an_old_rust_is_replaced_by_rustup_alone() {
    let machine = Machine::debian(0, &EVERYTHING);
    let new = fs::read_to_string(machine.root.join("bin/rustc")).unwrap();
    machine.stub("bin/rustc", "echo 'rustc 1.94.1 (deadbeef 2026-03-01)'");
    let run = machine.run(&[]);
    assert_eq!(run.calls.last().map(String::as_str), Some("cargo test"), "{run:#?}");
    assert!(run.calls.contains(&"rustup toolchain install 1.95.0".to_owned()));
    assert_eq!(fs::read_to_string(machine.root.join("bin/rustc")).unwrap(), new);

    let machine = Machine::debian(0, &EVERYTHING);
    machine.remove("bin/rustup");
    machine.stub("bin/rustc", "echo 'rustc 1.94.1 (deadbeef 2026-03-01)'");
    machine.run(&[]).assert_rejected(&["Rust 1.95 or newer", "https://rustup.rs"]);
}

#[test]
fn macos_installs_by_brew() {
    let machine = Machine::macos(&["bash", "python3", "procps", "rustup", "toolchain"]);
    machine.stub("bin/xcode-select", "exit 0");
    let run = machine.run(&[]);
    assert_eq!(run.status, 0, "{run:#?}");
    assert_eq!(run.calls, ["brew install postgresql@17 pgbouncer", "cargo test"]);
}

#[test]
fn macos_without_brew_or_compiler_names_each_step() {
    let machine = Machine::macos(&["bash", "python3", "procps", "rustup", "toolchain"]);
    machine.stub("bin/xcode-select", "exit 2");
    machine.remove("bin/brew");
    let steps = "https://brew.sh, then:\n  xcode-select --install\n  \
                 brew install postgresql@17 pgbouncer\n";
    let run = machine.run(&[]);
    run.assert_rejected(&[steps]);
    assert!(run.calls.is_empty(), "{run:#?}");
}

#[test]
fn other_systems_hear_exactly_what_to_do() {
    let machine = Machine::new("Linux", 0, &[]);
    machine.run(&[]).assert_rejected(&["package manager", "AUDITSYNC_POSTGRES_BIN", "rustup.rs"]);
    machine.stub("bin/dnf", &machine.installer("dnf", "install"));
    let packages =
        "dnf install rustup gcc postgresql-server postgresql pgbouncer bash python3 procps-ng\n";
    let run = machine.run(&[]);
    run.assert_rejected(&[packages, "rustup toolchain install 1.95.0"]);
    assert!(run.calls.is_empty(), "{run:#?}");
}

#[test]
fn the_variable_names_the_one_folder_of_the_server() {
    let mut machine = Machine::debian(0, &EVERYTHING);
    machine.postgres_bin = Some(machine.root.join(DEBIAN_SERVER));
    assert_eq!(machine.run(&[]).calls, ["cargo test"]);
    machine.postgres_bin = Some("/nowhere".into());
    machine.run(&["--check"]).assert_rejected(&["AUDITSYNC_POSTGRES_BIN is set: unset it"]);
}

#[test]
fn every_file_names_the_same_version_of_rust() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (file, line) in [
        ("Cargo.toml", "rust-version = \"1.95\""),
        ("rust-toolchain.toml", "channel = \"1.95.0\""),
        ("RustConfig", "VERSION=1.95.0"),
        ("Dockerfile", "FROM rust:1.95-slim-trixie@"),
    ] {
        let text = fs::read_to_string(repository.join(file)).unwrap();
        let has = |found: &str| found == line || (line.ends_with('@') && found.starts_with(line));
        assert!(text.lines().any(has), "{file} has no line {line}");
    }
}

#[test]
fn this_machine_lacks_nothing() {
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test");
    let output = Command::new(test).arg("--check").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Nothing is missing.\n");
}
