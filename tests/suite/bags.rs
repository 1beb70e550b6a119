//! `export --format bag` and `verify --bag`: our program, the lines of Python in a bag, and tools
//! of others find it sound, and none of them overlooks a change.

mod archives;
mod calendar;
mod changes;
mod formats;
mod hostile;
mod lines;
mod places;
mod tampering;
mod unreadable;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use auditsync::evidence::key::SigningKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::checkpoints::key;
use crate::support::{Finished, World};
use crate::verify::stage::{ACME_AND_GLOBEX, staged};

/// The first and the last day of the stage, without those of the Python logger.
const DAYS: &str = "--from 2024-09-20 --to 2024-09-27";

/// A database with everything that seals cover, whose runs sign.
fn signing_stage() -> (World, SigningKey) {
    let (mut world, key) = (staged(), key("audit.example.com/acme"));
    world.set("SIGN", key.expose());
    world.write_config(&format!("[evidence]\nsigning_key_env = \"SIGN\"\n{ACME_AND_GLOBEX}"));
    world.sync("--date 2024-09-27", 0);
    (world, key)
}

/// Exports these days of the stage, of which some are not complete, as a signed bag.
fn signed_bag() -> (World, SigningKey, PathBuf) {
    let (world, key) = signing_stage();
    let bag = export(&world, &format!("{DAYS} --allow-gaps"), "bag", 0);
    (world, key, bag)
}

/// Exports to `out` in the world's folder, and returns the path of what was written.
#[track_caller]
fn export(world: &World, arguments: &str, out: &str, status: i32) -> PathBuf {
    let finished = world.run(&format!("export {arguments} --out {out}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    world.file().with_file_name(out)
}

/// Runs `verify --bag` where there is neither a file nor a database.
fn verify(bag: &Path, arguments: &str) -> Finished {
    let elsewhere = TempDir::new().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
    command.args(["verify", "--output", "json", "--bag"]).arg(bag);
    command.args(arguments.split_whitespace()).current_dir(elsewhere.path()).env_clear();
    Finished::of(&mut command)
}

/// The report of `verify --bag` on a bag that is as it was made.
#[track_caller]
fn assert_sound(bag: &Path, arguments: &str) -> Value {
    let finished = verify(bag, arguments);
    assert_eq!(finished.status, 0, "{finished:#?}");
    let report = finished.json();
    assert_eq!((&report["ok"], &report["problems"]), (&true.into(), &Value::Array(vec![])));
    report
}

/// The lines of Python that `VERIFY.md` tells its reader to run, taken out as it says.
fn lines_of_python(bag: &Path) -> String {
    let page = fs::read_to_string(bag.join("data/VERIFY.md")).expect("VERIFY.md");
    let (_, code) = page.split_once("\n```python\n").expect("a block of Python");
    let (code, _) = code.split_once("\n```\n").expect("its end");
    format!("{code}\n")
}

/// Runs lines of Python on a bag, in an interpreter without packages and variables.
fn python(code: &str, bag: &Path, arguments: &[&str]) -> Output {
    let folder = TempDir::new().expect("a folder");
    let script = folder.path().join("verify.py");
    fs::write(&script, code).expect("a file");
    let mut command = Command::new("python3");
    command.args(["-I", "-S"]).arg(&script).arg(bag).args(arguments);
    command.output().expect("python3 starts")
}

#[track_caller]
fn assert_python_accepts(bag: &Path, arguments: &[&str]) -> String {
    let output = python(&lines_of_python(bag), bag, arguments);
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The names of all files of a bag, sorted.
fn files(bag: &Path) -> Vec<String> {
    fn walk(root: &Path, at: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).expect("below").to_str().expect("text");
                found.push(name.to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(bag, bag, &mut found);
    found.sort();
    found
}

/// A copy of a bag, to be changed.
fn copied(bag: &Path) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    for name in files(bag) {
        let to = copy.path().join(&name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(bag.join(&name), to).expect("a copy");
    }
    copy
}

/// Writes the size of the payload into `bag-info.txt`.
fn rewrite_oxum(bag: &Path) {
    let payload: Vec<String> =
        files(bag).into_iter().filter(|name| name.starts_with("data/")).collect();
    let size = |name: &String| fs::metadata(bag.join(name)).expect("a file").len();
    let oxum = format!("{}.{}", payload.iter().map(size).sum::<u64>(), payload.len());
    let path = bag.join("bag-info.txt");
    let Ok(info) = fs::read_to_string(&path) else { return };
    let line = |line: &str| match line.strip_prefix("Payload-Oxum: ") {
        Some(_) => format!("Payload-Oxum: {oxum}\n"),
        None => line.to_owned(),
    };
    let changed: String = info.split_inclusive('\n').map(line).collect();
    fs::write(&path, changed).expect("a file");
}

/// Makes both manifests again, as anyone can who changes a bag.
fn rewrite_manifests(bag: &Path) {
    rewrite_oxum(bag);
    let line = |name: &String| {
        let bytes = fs::read(bag.join(name)).expect("a file");
        format!("{}  {name}\n", hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes)))
    };
    let (payload, tags): (Vec<String>, Vec<String>) =
        files(bag).into_iter().partition(|name| name.starts_with("data/"));
    let payload: String = payload.iter().map(line).collect();
    fs::write(bag.join("manifest-sha256.txt"), payload).expect("a file");
    let is_about_itself = |name: &&String| name.starts_with("tagmanifest") || *name == "bag.note";
    let mut tags: Vec<&String> = tags.iter().filter(|name| !is_about_itself(name)).collect();
    let manifest = "manifest-sha256.txt".to_owned();
    if !tags.contains(&&manifest) {
        tags.push(&manifest);
    }
    let tags: String = tags.into_iter().map(line).collect();
    fs::write(bag.join("tagmanifest-sha256.txt"), tags).expect("a file");
}
