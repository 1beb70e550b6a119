//! `verify`: whatever is changed of what the seals cover is found, each with its code, and nothing
//! that the program itself does is taken for a change.

mod accidents;
mod anchored;
mod bad_input;
mod changes;
mod changes_of_columns;
mod changes_of_days;
mod clones;
mod elsewhere;
mod options;
mod reseal;
pub(crate) mod stage;
mod time_travel;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Finished, World};

/// Runs `verify --output json`, which must exit with `status`, and returns its report.
#[track_caller]
fn verify(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("verify --output json {arguments}"));
    assert_eq!(finished.status, status, "{arguments}: {finished:#?}");
    finished.json()
}

/// Checks that everything is as it was sealed, and that something was checked.
#[track_caller]
fn assert_clean(world: &World, arguments: &str) -> Value {
    let report = verify(world, arguments, 0);
    assert_eq!((&report["ok"], &report["problems"]), (&true.into(), &Value::Array(vec![])));
    assert!(report["days_checked"].as_u64() > Some(0), "{report:#}");
    report
}

/// The problems of a report: each code with its detail.
fn said(report: &Value) -> Vec<String> {
    let problems = report["problems"].as_array().expect("problems").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    problems.map(|one| format!("{}: {}", text(&one["problem"]), text(&one["detail"]))).collect()
}

/// The codes of the problems of a report.
fn codes_of(report: &Value) -> BTreeSet<String> {
    let said = said(report);
    said.iter().filter_map(|said| Some(said.split_once(':')?.0.to_owned())).collect()
}

/// The codes of the problems that `verify` finds, which must be some.
#[track_caller]
fn codes(world: &World, arguments: &str) -> BTreeSet<String> {
    let report = verify(world, arguments, 1);
    assert_eq!(report["ok"], false, "{report:#}");
    let codes = codes_of(&report);
    assert!(!codes.is_empty(), "it failed without a problem: {report:#}");
    codes
}

/// The problems that `verify` finds.
#[track_caller]
fn found(world: &World, arguments: &str) -> Vec<String> {
    said(&verify(world, arguments, 1))
}

/// A world on the same file and variables, with another database.
fn beside(world: &World, url: &str, arguments: &str) -> Finished {
    world.run(&format!("verify --output json --database-url {url} {arguments}"))
}
