//! `keygen` makes the keys that sign checkpoints, and `check` checks their variables.

use std::process::{Command, Stdio};

use auditsync::evidence::key::{SigningKey, VerifierKey};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ACME, Finished, World};

const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// Runs `keygen` in an empty folder with these variables alone.
fn keygen(arguments: &str, variables: &[(&str, &str)]) -> Finished {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
    command.arg("keygen").args(arguments.split_whitespace()).current_dir(folder.path());
    command.env_clear().envs(variables.iter().copied());
    let finished =
        Finished::of(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "it writes no file");
    finished
}

fn good(arguments: &str) -> Finished {
    let finished = keygen(arguments, &[]);
    assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{finished:#?}");
    finished
}

fn text<'j>(document: &'j Value, key: &str) -> &'j str {
    document[key].as_str().expect("a text")
}

#[test]
fn keygen_prints_a_new_key_without_file_or_database() {
    let document = good("--name auditsync/0123abcd --output json").json();
    let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["private_key", "public_key_pem", "verifier_key"]);
    let key = SigningKey::parse(text(&document, "private_key")).expect("a private key");
    let verifier = VerifierKey::parse(text(&document, "verifier_key")).expect("a public key");
    assert_eq!((key.verifier(), verifier.name().as_ref()), (&verifier, "auditsync/0123abcd"));
    assert_eq!(text(&document, "public_key_pem"), verifier.to_pem());
    assert_ne!(good("--name auditsync/0123abcd --output json").json(), document);
}

#[test]
fn the_keys_for_people_stand_on_lines_of_their_own() {
    let finished = good("--name audit.example.com/acme");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    let key = SigningKey::parse(lines[1]).expect("a private key");
    let verifier = key.verifier();
    assert_eq!(lines[4], verifier.to_string());
    assert!(finished.stdout.ends_with(&format!(":\n{}", verifier.to_pem())), "{finished:#?}");
    let masked = finished.stdout.replace(key.expose(), "<private key>");
    let masked = masked.replace(lines[4], "<verifier's key>").replace(lines[8], "<base64>");
    insta::assert_snapshot!("keygen", masked);
}

#[test]
fn a_name_that_no_key_can_have_exits_2() {
    for name in ["", "a+b", "--name=a\u{a0}b", "--name=\u{202e}a"] {
        let finished = keygen(&format!("--name {name}").replace("--name --", "--"), &[]);
        assert_eq!((finished.status, finished.stdout.as_str()), (2, ""), "{name}: {finished:#?}");
    }
    let error = keygen("--name a+b", &[]).stderr;
    assert!(error.contains("a key's name contains no +"), "{error}");
    let finished = keygen("--name HRKU-0123", &[("HEROKU_API_TOKEN", "HRKU-0123")]);
    assert_eq!((finished.status, finished.stdout.as_str()), (2, ""), "{finished:#?}");
    assert!(!finished.stderr.contains("0123"), "{finished:#?}");
}

/// A world whose file has the section `[evidence]` with `keys`.
fn world(keys: &str) -> World {
    World::new(&format!("[evidence]\n{keys}\n{ACME}"))
}

/// The checks of signing keys: whether each passed, and its line.
fn checks(world: &World) -> Vec<(bool, String)> {
    let finished = world.run("check --config-only --output json");
    assert!(!format!("{finished:?}").contains(SEED), "{finished:#?}");
    let report = finished.json();
    let all = report["checks"].as_array().expect("checks").iter();
    let of_keys = all.filter(|check| check["check"] == "signing_key");
    let line = |check: &Value| format!("{}: {}", text(check, "subject"), text(check, "detail"));
    of_keys.map(|check| (check["ok"] == true, line(check))).collect()
}

#[test]
fn a_check_shows_the_verifier_s_key_and_never_the_private_one() {
    let mut world = world("signing_key_env = \"SIGN\"\nprevious_signing_key_env = \"OLD\"");
    world.set("SIGN", KEY);
    world.set("OLD", &KEY.replace("c74f20a3", "c74f20a4"));
    assert_eq!(
        checks(&world),
        [
            (
                true,
                format!(
                    "SIGN: set; the key that signs checkpoints; its verifier's key is {VERIFIER}"
                )
            ),
            (
                false,
                "OLD: has a hash that does not belong to its name and key: copy it again \
                 (its value is not shown); the key that is replaced"
                    .to_owned()
            )
        ]
    );
    world.set("SIGN", VERIFIER);
    world.set("OLD", " ");
    assert_eq!(
        checks(&world),
        [
            (
                false,
                "SIGN: is not a private key, which begins with PRIVATE+KEY+ (its value is not \
                 shown); the key that signs checkpoints"
                    .to_owned()
            ),
            (false, "OLD: not set; the key that is replaced".to_owned())
        ]
    );
    let finished = world.run("check --config-only");
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(finished.stdout.contains("`heroku config:set OLD=KEY`"), "{finished:#?}");
}

#[test]
fn a_key_with_another_name_than_the_origin_is_a_problem() {
    let mut world = world("signing_key_env = \"SIGN\"\norigin = \"acme\"");
    world.set("SIGN", KEY);
    let found = checks(&world);
    let expected = "SIGN: a key of `PeterNeumann`, and [evidence] `origin` is another";
    assert!(!found[0].0 && found[0].1.starts_with(expected), "{found:?}");
    let generated = good("--name acme --output json").json();
    world.set("SIGN", text(&generated, "private_key"));
    assert!(checks(&world)[0].0);
}

#[test]
fn without_a_key_in_the_file_no_key_is_checked() {
    let mut world = World::new(ACME);
    world.set("AUDITSYNC_SIGNING_KEY", "not a key");
    assert_eq!(checks(&world), []);
}

#[test]
fn a_signing_key_is_redacted_wherever_it_is_typed() {
    let mut world = world("signing_key_env = \"SIGN\"");
    world.set("SIGN", KEY);
    for (secret, shown) in [(KEY, "********"), (SEED, "[password]")] {
        let finished = world.run(&format!("status --source {secret}"));
        assert_eq!(finished.status, 2, "{finished:#?}");
        assert!(!format!("{finished:?}").contains(SEED), "{finished:#?}");
        assert!(finished.stderr.contains(shown), "{finished:#?}");
    }
    // Also in the place of the name, and of a key that no variable holds.
    let finished = keygen(&format!("--name {KEY}"), &[]);
    assert_eq!(finished.status, 2, "{finished:#?}");
    assert!(!format!("{finished:?}").contains(SEED), "{finished:#?}");
}
