//! Commands for other programs: what is checked of those that can't run here, and why they can't.

use std::os::unix::fs::PermissionsExt as _;

use super::markdown::repository;

/// What is done about a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handling {
    /// A shell runs it.
    Run,
    /// It is known, and was checked as far as possible without running it.
    Checked,
}

/// The programs that a shell runs here.
const RUN: [&str; 10] = [
    "auditsync",
    "target/debug/auditsync",
    "target/release/auditsync",
    "export",
    "psql",
    "pg_dump",
    "pg_restore",
    "openssl",
    "ls",
    "mkdir",
];

/// Commands of the heroku CLI. They need an account at Heroku, and change it.
const HEROKU: [&str; 14] = [
    "heroku create acme-audit",
    "heroku addons:create ",
    "heroku addons:open scheduler",
    "heroku authorizations",
    "heroku buildpacks:set https://github.com/",
    "heroku config:set ",
    "heroku container:push web",
    "heroku container:release web",
    "heroku labs:enable runtime-dyno-metadata",
    "heroku pg:copy",
    "heroku pg:credentials:create --name auditsync_read",
    "heroku ps:scale web=0",
    "heroku rollback",
    "heroku stack:set container",
];

/// Programs that would change this machine, or another one.
const MACHINE: [&str; 4] = ["install", "kubectl", "useradd", "chown"];

/// Whole commands that nothing can be checked of, each with its reason.
const LISTED: [(&str, &str); 17] = [
    ("git push heroku main", "it needs an app at Heroku"),
    ("git commit -am 'Audit initech too'", "it would change this repository"),
    ("git commit -am 'Audit globex too'", "it would change this repository"),
    ("git commit -am 'Call acme umbrella'", "it would change this repository"),
    ("apt-get install postgresql pgbouncer", "it would change this machine"),
    ("brew install postgresql@17 pgbouncer", "it would change this machine, a Mac"),
    ("systemctl enable --now auditsync.timer", "it would change this machine"),
    ("docker build --tag auditsync .", "it needs Docker; `.ci/dockerfile-steps` runs the steps"),
    (
        "docker build --provenance=false --tag registry.heroku.com/acme-audit/web .",
        "it needs Docker; `.ci/dockerfile-steps` runs the steps",
    ),
    ("docker push registry.heroku.com/acme-audit/web", "it needs Docker, and an app at Heroku"),
    (
        "docker run --rm --env HEROKU_API_TOKEN --env DATABASE_URL auditsync",
        "it needs Docker; `.ci/dockerfile-steps` starts the program",
    ),
    ("sha256sum --check --ignore-missing SHA256SUMS", "it needs a release"),
    (
        "gh attestation verify auditsync-x86_64-unknown-linux-musl.tar.gz --repo OWNER/auditsync",
        "it needs a release",
    ),
    (
        "gh attestation verify oci://ghcr.io/OWNER/auditsync:0.1.0 --repo OWNER/auditsync",
        "it needs a release",
    ),
    ("git grep -n OWNER/", "the repository has no home yet"),
    ("cargo deny check", "it is a subcommand of its own to install"),
    ("cargo machete", "it is a subcommand of its own to install"),
];

/// How to check a command. The error says what is wrong with it.
pub(super) fn handling(command: &str) -> Result<Handling, String> {
    let on_a_dyno = ["heroku run -- ", "heroku run -x -- ", "heroku run --no-tty -- "];
    if let Some(command) = on_a_dyno.iter().find_map(|begin| command.strip_prefix(begin)) {
        return match handling(command)? {
            Handling::Run => Ok(Handling::Run),
            Handling::Checked => Err(format!("no dyno has what runs `{command}`")),
        };
    }
    let mut words = command.split_whitespace().skip_while(|word| is_assignment(word));
    let program = words.next().unwrap_or_default();
    let words: Vec<&str> = words.collect();
    if RUN.contains(&program) {
        // The tests themselves need no openssl, so a machine may lack it.
        let runs = program != "openssl" || is_installed(program);
        return Ok(if runs { Handling::Run } else { Handling::Checked });
    }
    let is_listed = LISTED.iter().any(|(listed, _)| *listed == command);
    match program {
        _ if is_listed => Ok(()),
        "heroku" => heroku(command, &words),
        "cargo" => super::cargo::check(&words),
        _ if MACHINE.contains(&program) => machine(&words),
        _ if program.starts_with("./") || program.starts_with('.') => script(program),
        _ => Err(format!("`{program}` is neither run nor listed")),
    }?;
    Ok(Handling::Checked)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::vars_os().find(|(name, _)| name == "PATH").map(|(_, path)| path);
    path.is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).exists())
    })
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_uppercase() || c == '_'))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Checks what the files of this repository know: plans, variables and processes.
fn heroku(command: &str, words: &[&str]) -> Result<(), String> {
    if !HEROKU.iter().any(|known| command.starts_with(known)) {
        return Err("it is not among the known commands of the heroku CLI".to_owned());
    }
    let known = match words[0] {
        "addons:create" => read("app.json").contains(&format!("\"plan\": \"{}\"", words[1])),
        "ps:scale" => read("heroku.yml").contains("\n  web: "),
        "config:set" => {
            let variable = words[1].split('=').next().unwrap_or_default();
            let (file, page) = (read("audit.toml"), read("docs/heroku.md"));
            [file, page].iter().any(|text| text.contains(&format!("token_env = \"{variable}\"")))
        }
        "container:push" | "container:release" => {
            read("heroku.yml").contains(&format!("\n    {}: Dockerfile\n", words[1]))
        }
        _ => true,
    };
    if known { Ok(()) } else { Err(format!("no file of the repository knows `{}`", words[1])) }
}

/// Checks that the files which a command takes from the repository are there.
fn machine(words: &[&str]) -> Result<(), String> {
    let files = words.iter().map(|word| word.split_once('=').map_or(*word, |(_, file)| file));
    let mut ours = files.filter(|file| file.starts_with("deploy/") || *file == "audit.toml");
    ours.find(|file| !repository().join(file).exists())
        .map_or(Ok(()), |file| Err(format!("there is no {file}")))
}

/// Checks that a script of the repository is there, may be run, and is one that bash can read.
fn script(program: &str) -> Result<(), String> {
    let path = repository().join(program);
    let mode = path.metadata().map_err(|error| format!("{program}: {error}"))?.permissions().mode();
    let read = std::process::Command::new("bash").arg("-n").arg(&path).status().expect("bash");
    if mode & 0o111 == 0 || !read.success() {
        return Err(format!("{program} can't be run"));
    }
    Ok(())
}

#[test]
fn a_command_that_is_neither_run_nor_listed_is_found() {
    for wrong in [
        "auditsink status",
        "heroku frobnicate",
        "heroku addons:create redis:mini",
        "heroku config:set NO_SUCH_TOKEN=HRKU-…",
        "heroku container:push worker",
        "heroku run -- cargo test",
        "git push origin main",
        "./no-such-script",
        "install -m 0644 deploy/no-such-file /etc/auditsync/file",
        "kubectl apply --filename=deploy/no-such-file.yaml",
        "cargo test --test no_such_target",
        "make",
    ] {
        assert!(handling(wrong).is_err(), "{wrong} passes");
    }
    assert_eq!(handling("heroku run -- auditsync status"), Ok(Handling::Run));
    assert_eq!(handling("heroku run --no-tty -- auditsync status"), Ok(Handling::Run));
    assert_eq!(handling("heroku addons:create scheduler:standard"), Ok(Handling::Checked));
}
