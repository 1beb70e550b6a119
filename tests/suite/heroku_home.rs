//! The files that Heroku reads are consistent, and contain nothing that the program does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use auditsync::config::Config;
use serde_json::Value;

use crate::support::{ACME, World, yesterday};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The process types of the Procfile, with their commands.
fn processes() -> BTreeMap<String, String> {
    let text = read("Procfile");
    let lines = text.lines().map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line}")));
    lines.map(|(name, command)| (name.to_owned(), command.to_owned())).collect()
}

/// The instructions of the Dockerfile, with their arguments.
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile").replace("\\\n", "");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts = lines.map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line}")));
    parts.map(|(word, rest)| (word.to_owned(), rest.to_owned())).collect()
}

fn app() -> Value {
    serde_json::from_str(&read("app.json")).expect("app.json is JSON")
}

fn example() -> Config {
    Config::load(&repository().join("audit.toml"), yesterday()).expect("a right file")
}

#[test]
fn each_process_type_names_a_command_that_the_program_knows() {
    let processes = processes();
    let names: Vec<&str> = processes.keys().map(String::as_str).collect();
    assert_eq!(names, ["db-cleanup", "db-init", "release", "sync"]);
    let world = World::new(ACME);
    for (name, command) in &processes {
        let arguments =
            command.strip_prefix("auditsync").unwrap_or_else(|| panic!("{name}: {command}"));
        let help = world.run(&format!("{arguments} --help"));
        assert_eq!(help.status, 0, "{name}: {help:#?}");
    }
}

#[test]
fn heroku_yml_runs_what_the_procfile_runs() {
    let yml = read("heroku.yml");
    for (name, command) in processes() {
        let expected = match name.as_str() {
            "release" => format!("\nrelease:\n  image: web\n  command:\n    - {command}\n"),
            _ => format!("\n  {name}:\n    image: web\n    command:\n      - {command}\n"),
        };
        assert!(yml.contains(&expected), "heroku.yml lacks {expected}");
    }
    for addon in app()["addons"].as_array().expect("add-ons") {
        let plan = addon["plan"].as_str().expect("a plan");
        assert!(yml.contains(&format!("- plan: {plan}\n")), "heroku.yml lacks {plan}");
    }
}

#[test]
fn a_one_off_dyno_of_the_container_stack_has_an_image() {
    let yml = read("heroku.yml");
    let lines: Vec<&str> = yml.lines().filter(|line| !line.trim().starts_with('#')).collect();
    let at = lines.iter().position(|line| *line == "build:").expect("what is built");
    let built: Vec<&str> =
        lines[at + 2..].iter().map_while(|line| line.strip_prefix("    ")).collect();
    // Heroku runs `heroku run` and the jobs of Scheduler in the image `web`.
    assert_eq!(built, ["web: Dockerfile"]);
    let images = lines.iter().filter_map(|line| line.trim().strip_prefix("image: "));
    assert_eq!(images.filter(|image| *image != "web").count(), 0, "{yml}");
    let command = format!("  web: {}", processes()["sync"]);
    assert!(lines.contains(&command.as_str()), "no type runs the image by another command");
    // An entry point would run before each command of a one-off dyno.
    assert!(!instructions().iter().any(|(word, _)| word == "ENTRYPOINT"));
}

#[test]
fn heroku_s_builder_knows_every_instruction_of_the_image() {
    for (word, rest) in instructions() {
        let options: Vec<&str> =
            rest.split(' ').take_while(|option| option.starts_with("--")).collect();
        let is_old = |option: &&str| option.starts_with("--from=");
        assert!(options.iter().all(is_old), "{word} {rest} needs BuildKit");
        assert!(!rest.contains("<<"), "{word} {rest} needs BuildKit");
    }
}

#[test]
fn the_image_builds_the_dependencies_before_it_copies_the_source() {
    let instructions = instructions();
    let place = |word: &str, part: &str| {
        let found =
            instructions.iter().position(|(known, rest)| known == word && rest.contains(part));
        found.unwrap_or_else(|| panic!("{word} {part}"))
    };
    let layer = place("RUN", "cargo build");
    assert!(layer < place("COPY", "src src"));
    let (_, layer) = &instructions[layer];
    let manifest = read("Cargo.toml");
    for section in manifest.split("\n[") {
        let name = section.split('"').nth(1).unwrap_or_default();
        let file = match section.split(']').next() {
            Some("[test") => format!("tests/{name}/main.rs"),
            Some("[bench") => format!("benches/{name}.rs"),
            _ => continue,
        };
        assert!(layer.contains(&file), "the manifest names {file}, and the layer lacks it");
    }
    // Docker keeps the dates of copied files: cargo would take the empty files for the newer ones.
    assert!(layer.ends_with("cargo clean --locked --release --package auditsync"), "{layer}");
}

#[test]
fn the_base_images_are_pinned_and_the_image_names_itself() {
    let instructions = instructions();
    for (_, base) in instructions.iter().filter(|(word, _)| word == "FROM") {
        let digest = base.split("@sha256:").nth(1).and_then(|rest| rest.split(' ').next());
        let is_pinned = digest
            .is_some_and(|hex| hex.len() == 64 && !hex.contains(|c: char| !c.is_ascii_hexdigit()));
        assert!(is_pinned, "{base}");
    }
    let (_, labels) = instructions.iter().find(|(word, _)| word == "LABEL").expect("labels");
    let manifest = read("Cargo.toml");
    let value = |key: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("{key}")).to_owned()
    };
    for (label, key) in [("title", "name"), ("source", "repository"), ("licenses", "license")] {
        let label = format!("org.opencontainers.image.{label}={}", value(key));
        assert!(labels.contains(&label), "{labels} lacks {label}");
    }
}

#[test]
fn the_community_s_buildpack_is_pinned_to_one_commit_everywhere() {
    let app = app();
    let address = app["buildpacks"][0]["url"].as_str().expect("an address");
    let (_, commit) = address.split_once("heroku-buildpack-rust#").expect("a commit");
    assert_eq!(commit.len(), 40, "{address}");
    for page in ["README.md", "docs/heroku.md"] {
        let command = format!("$ heroku buildpacks:set {address}\n");
        assert!(read(page).contains(&command), "{page} lacks {command}");
    }
}

#[test]
fn the_cloud_native_buildpack_builds_the_program_and_keeps_its_files() {
    let descriptor: toml::Table = read("project.toml").parse().expect("project.toml is TOML");
    let settings = descriptor["io"]["buildpacks"]["build"]["env"].as_array().expect("settings");
    let value = |name: &str| {
        let setting = settings.iter().find(|setting| setting["name"].as_str() == Some(name));
        setting.and_then(|setting| setting["value"].as_str()).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(value("BP_CARGO_WORKSPACE_MEMBERS"), env!("CARGO_PKG_NAME"));
    for file in value("BP_INCLUDE_FILES").split(':') {
        assert!(repository().join(file).exists(), "{file}");
    }
    assert!(value("BP_INCLUDE_FILES").contains("audit.toml"));
}

#[test]
fn app_json_requests_exactly_the_variables_that_the_file_names() {
    let (app, example) = (app(), example());
    let variables = app["env"].as_object().expect("variables");
    let tokens: BTreeSet<&str> =
        example.sources.iter().map(|source| source.token_env.as_str()).collect();
    let mut known = tokens.clone();
    known.extend([example.notify.ping_url_env.as_str(), "AUDITSYNC_LOG_FORMAT"]);
    assert_eq!(variables.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for (name, variable) in variables {
        assert!(
            variable["description"].as_str().is_some_and(|text| text.len() > 20),
            "{name} is not described"
        );
        assert_eq!(variable["required"], tokens.contains(name.as_str()), "{name}");
        // A token belongs to one user: it is neither the same for all, nor can Heroku generate it.
        assert_eq!((variable.get("value"), variable.get("generator")), (None, None), "{name}");
    }
}

#[test]
fn app_json_starts_no_permanent_process() {
    let app = app();
    let formation = app["formation"].as_object().expect("a formation");
    let processes = processes();
    for (name, process) in formation {
        assert!(processes.contains_key(name), "{name} is not in the Procfile");
        assert_eq!(process["quantity"], 0, "{name}");
    }
    assert!(!formation.contains_key("web"));
}

#[test]
fn the_image_holds_the_file_and_runs_the_sync_without_root() {
    let instructions = instructions();
    let last = |word: &str| {
        instructions.iter().rfind(|(known, _)| known == word).map(|(_, rest)| rest.as_str())
    };
    assert_eq!(last("CMD"), Some(format!("[\"{}\"]", processes()["sync"]).as_str()));
    assert_eq!(last("COPY"), Some("audit.toml ./"));
    assert!(last("USER").is_some_and(|user| !user.starts_with("root") && !user.starts_with('0')));
    let rust = read("Cargo.toml")
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = ").map(str::to_owned));
    let rust = rust.expect("a version").replace('"', "");
    let (_, base) = instructions.first().expect("a first instruction");
    assert!(base.starts_with(&format!("rust:{rust}-")), "{base} is not {rust}");
}

#[test]
fn the_files_for_the_image_exist_and_are_not_ignored() {
    let ignore = read(".dockerignore");
    let allowed: BTreeSet<&str> =
        ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let instructions = instructions();
    let mut copied = BTreeSet::new();
    for (_, rest) in
        instructions.iter().filter(|(word, rest)| word == "COPY" && !rest.starts_with("--"))
    {
        let (sources, _) = rest.rsplit_once(' ').expect("a target");
        copied.extend(sources.split(' '));
    }
    assert_eq!(copied, allowed);
    for path in copied {
        assert!(Path::new(&repository().join(path)).exists(), "{path}");
    }
}

#[test]
fn the_buildpack_builds_the_program_and_dynos_find_it() {
    assert!(read("RustConfig").contains("--release --locked --bin auditsync"));
    assert!(read(".profile").contains("export PATH=\"$HOME/target/release:$PATH\""));
}
