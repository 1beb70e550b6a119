//! The JSON documents, against the schemas that users may rely on. Every document of the suite is
//! validated where it is read; here are the schemas themselves, and one document of each.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::documents::{DocumentSchemas, KEYS, published};
use crate::support::{ACME, World};

/// Calls `visit` with each property of `schema`, at any depth.
fn properties(schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match schema {
        Value::Object(parts) => {
            for (name, part) in parts {
                if let ("properties", Value::Object(found)) = (name.as_str(), part) {
                    found.iter().for_each(|(key, property)| visit(key, property));
                    found.values().for_each(|property| properties(property, visit));
                } else {
                    properties(part, visit);
                }
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| properties(part, visit)),
        _ => {}
    }
}

fn keys() -> Value {
    published().into_iter().find(|(name, _)| name == KEYS).expect("the keys").1
}

#[test]
fn each_key_has_one_definition_that_all_documents_share() {
    let keys = keys();
    let defined: BTreeSet<String> =
        keys["$defs"].as_object().expect("definitions").keys().cloned().collect();
    let mut used = BTreeSet::new();
    for (name, schema) in published().iter().filter(|(name, _)| name != KEYS) {
        properties(schema, &mut |key, property| {
            assert_eq!(property["$ref"], format!("{KEYS}#/$defs/{key}"), "{name}: {key}");
            for word in property.as_object().expect("an object").keys() {
                let narrows =
                    ["$ref", "items", "type", "properties", "required", "additionalProperties"];
                assert!(narrows.contains(&word.as_str()), "{name}: {key} has {word}");
            }
            used.insert(key.to_owned());
        });
    }
    assert_eq!(used, defined);
    for key in &defined {
        let definition = &keys["$defs"][key];
        let text = definition["description"].as_str().unwrap_or_default();
        assert!(text.ends_with('.') && text.len() > 10, "{key} has no description");
    }
}

#[test]
fn each_object_names_all_its_keys_and_admits_no_other() {
    fn closed(name: &str, schema: &Value) {
        if let Some(found) = schema.get("properties") {
            let all: BTreeSet<&str> =
                found.as_object().expect("an object").keys().map(String::as_str).collect();
            let required = schema["required"].as_array().expect("a list");
            let required: BTreeSet<&str> = required.iter().filter_map(Value::as_str).collect();
            assert_eq!(all, required, "{name}");
            assert_eq!(schema["additionalProperties"], false, "{name}: {all:?}");
        }
        match schema {
            Value::Object(parts) => parts.values().for_each(|part| closed(name, part)),
            Value::Array(parts) => parts.iter().for_each(|part| closed(name, part)),
            _ => {}
        }
    }
    for (name, schema) in published().iter().filter(|(name, _)| name != KEYS) {
        closed(name, schema);
    }
}

#[test]
fn the_schemas_reject_what_differs_from_them() {
    let schemas = DocumentSchemas::new();
    let good = json!({ "error": "a", "exit_status": 2 });
    assert_eq!(schemas.validate(&good), Ok("failure.json"));
    for bad in [
        json!({ "error": "a" }),
        json!({ "error": "a", "exit_status": 2, "more": true }),
        json!({ "error": 1, "exit_status": 2 }),
        json!({ "error": "a", "exit_status": 0 }),
        json!({ "days": [{ "source": "a", "date": "2024-09-28", "outcome": "reset" }] }),
        json!([]),
    ] {
        assert!(schemas.validate(&bad).is_err(), "{bad}");
    }
}

#[test]
fn every_command_prints_the_document_of_its_schema() {
    let world = World::busy(ACME);
    let schemas = DocumentSchemas::new();
    let beside = |name: &str| world.file().with_file_name(name).display().to_string();
    let (view, bag, page) = (beside("events.csv"), beside("bag"), beside("report.html"));
    let mut seen = BTreeSet::new();
    for (arguments, name) in [
        ("migrate", "migrate.json"),
        ("--dry-run", "sync.json"),
        ("--date 2024-09-28", "sync.json"),
        ("backfill --from 2024-09-26 --to 2024-09-27", "sync.json"),
        ("backfill --from 2024-09-01 --to 2024-09-25 --plan", "plan.json"),
        ("reset --source acme 2024-09-27 2024-09-01", "reset.json"),
        ("cleanup --by ada", "cleanup.json"),
        ("status", "status.json"),
        ("status --check", "status.json"),
        ("events --limit 2", "events.json"),
        ("check", "check.json"),
        ("check --config-only", "check.json"),
        ("reconcile --month 2024-09", "reconcile.json"),
        ("verify", "verify.json"),
        (&format!("export --from 2024-09-26 --to 2024-09-28 --out {view}"), "export.json"),
        (&format!("export --after 0 --out {view}"), "export.json"),
        (&format!("export --from 2024-09-26 --to 2024-09-28 --out {bag}"), "bag.json"),
        (&format!("verify --bag {bag}"), "verify.json"),
        (&format!("report --from 2024-09-26 --to 2024-09-28 --out {page}"), "report.json"),
        ("history", "history.json"),
        ("keygen --name audit.example.com", "keygen.json"),
        ("sync --date 2024-13-01", "failure.json"),
        ("status --source nobody", "failure.json"),
    ] {
        let finished = world.run(&format!("{arguments} --output json"));
        let document = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{arguments}: {error} in {finished:#?}"));
        assert_eq!(schemas.validate(&document).as_deref(), Ok(name), "{arguments}\n{document:#}");
        seen.insert(name.to_owned());
    }
    let all: BTreeSet<String> =
        published().into_iter().map(|(name, _)| name).filter(|name| name != KEYS).collect();
    assert_eq!(seen, all);
}
