//! What the pages list: links, files, options, and the keys of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use super::markdown::{Page, repository};
use super::{none, pages};
use crate::support::{ACME, World};

/// The README must stay short.
const MOST_WORDS: usize = 1200;

/// Options that pages name and that belong to other programs.
const OTHERS: [&str; 7] =
    ["--clean", "--stay", "--seed", "--only", "--rounds", "--locked", "--embedded"];

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// What is wrong with a link of a page.
fn problem_of(page: &Page, link: &str) -> Option<String> {
    if link.contains("://") {
        return (!link.starts_with("https://")).then(|| "it is not https".to_owned());
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, at)| (file, Some(at)));
    let path =
        if file.is_empty() { page.name.clone().into() } else { plain(&page.folder().join(file)) };
    if !repository().join(&path).exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    let anchors = Page::read(path.to_str().expect("text")).anchors;
    (!anchors.contains(anchor)).then(|| format!("there is no such heading among {anchors:?}"))
}

#[test]
fn each_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut problems = Vec::new();
    for page in pages() {
        let wrong = page.links.iter().filter_map(|link| Some((link, problem_of(&page, link)?)));
        problems.extend(wrong.map(|(link, problem)| format!("{}: {link}: {problem}", page.name)));
    }
    none("links lead nowhere", &problems);
    let page = Page::parse("docs/page.md", String::new());
    for wrong in ["no-such.md", "lease.md#no-such-heading", "http://example.com", "../docs/x.md"] {
        assert!(problem_of(&page, wrong).is_some(), "{wrong} passes");
    }
    assert_eq!(problem_of(&page, "../README.md#daily-use"), None);
}

/// The files below a folder, by their paths in the repository.
fn files(folder: &str, found: &mut Vec<String>) {
    for entry in repository().join(folder).read_dir().expect("a folder").flatten() {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() { files(&name, found) } else { found.push(name) }
    }
}

#[test]
fn each_path_that_a_page_names_is_there() {
    let mut all = Vec::new();
    for folder in
        ["src", "tests", "crates", "migrations", "sql", "benches", "docs", ".ci", ".cargo"]
    {
        files(folder, &mut all);
    }
    let path = Regex::new(r"^[\w./-]+\.(rs|sql|toml|md|svg)$").expect("a rule");
    let rooted =
        Regex::new(r"^(src|tests|crates|sql|docs|\.ci|\.cargo)/[\w./-]+$").expect("a rule");
    let is_there = |name: &str| {
        repository().join(name).exists()
            || all.iter().any(|file| file.ends_with(&format!("/{name}")))
    };
    let mut problems = Vec::new();
    for page in pages() {
        let named = page.codes.iter().filter(|code| path.is_match(code) || rooted.is_match(code));
        let gone = named
            .filter(|code| !code.contains("NAME") && !code.contains("000N") && !is_there(code));
        problems.extend(gone.map(|code| format!("{}: {code}", page.name)));
    }
    none("pages name files that are not there", &problems);
}

#[test]
fn each_option_that_a_page_names_is_one_of_the_program() {
    let world = World::new(ACME);
    let help = |command: &str| world.run(&format!("{command} --help")).stdout;
    let program = help("");
    let commands = program.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    let known: String =
        commands.iter().filter(|name| **name != "help").map(|name| help(name)).collect();
    let option = Regex::new(r"--[a-z][a-z-]*").expect("a rule");
    let known: BTreeSet<&str> = option.find_iter(&known).map(|found| found.as_str()).collect();
    let mut problems = Vec::new();
    for page in pages() {
        for code in page.codes.iter().filter(|code| code.starts_with("--")) {
            let named = option.find_iter(code).map(|found| found.as_str());
            let unknown = named.filter(|name| !known.contains(name) && !OTHERS.contains(name));
            problems.extend(unknown.map(|name| format!("{}: {name}", page.name)));
        }
    }
    none("pages name options that do not exist", &problems);
}

/// The keys with their defaults, as the schema has them; `source.name` without one is required.
fn keys_of_the_schema() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(repository().join("audit.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let mut keys = BTreeMap::new();
    for (section, value) in schema["properties"].as_object().expect("sections") {
        let of = if value["type"] == "array" { &value["items"] } else { value };
        let required = of["required"].as_array().cloned().unwrap_or_default();
        for (key, value) in of["properties"].as_object().expect("keys") {
            // They have the keys of the sections of the same name.
            if section == "source"
                && ["rate_limit", "retry", "lock", "sync", "events"].contains(&key.as_str())
            {
                continue;
            }
            let default = match value.get("default") {
                Some(Value::Array(values)) => {
                    let values: Vec<String> = values.iter().map(Value::to_string).collect();
                    format!("`[{}]`", values.join(", "))
                }
                Some(default) => format!("`{default}`"),
                None if required.contains(&Value::from(key.as_str())) => "required".to_owned(),
                None => "none".to_owned(),
            };
            keys.insert(format!("{section}.{key}"), default);
        }
    }
    keys
}

#[test]
fn the_configuration_page_lists_every_key_with_its_default() {
    let page = Page::read("docs/configuration.md");
    let heading = Regex::new(r"^## `\[+([a-z_]+)\]+`$").expect("a rule");
    let row = Regex::new(r"^\| `([a-z_]+)` \| (.+?) \| .+ \|$").expect("a rule");
    let (mut section, mut keys) = (None, BTreeMap::new());
    for line in page.text.lines() {
        if line.starts_with("## ") {
            section = heading.captures(line).map(|found| found[1].to_owned());
        } else if let (Some(section), Some(found)) = (&section, row.captures(line)) {
            keys.insert(format!("{section}.{}", &found[1]), found[2].to_owned());
        }
    }
    assert_eq!(keys, keys_of_the_schema());
}

#[test]
fn the_readme_has_fewer_words_than_one_reads_in_ten_minutes() {
    let words = Page::read("README.md").text.split_whitespace().count();
    assert!(words < MOST_WORDS, "{words} words");
}
