//! Names that the people under audit choose, in every place of the page.

use bytes::Bytes;
use serde_json::json;

use crate::support::{ACME, World, steers, yesterday};

use super::{assert_says, keep, page};

const HOSTILE: &str = "</td></table><script>alert(1)</script><img src=x onerror=alert(2)>\
    \" onload=\"alert(3)' autofocus \u{202e}\u{2066}\u{1b}[2J\u{7}\u{9b}31m\u{feff}\u{ad}\u{e0041}";

/// `text` as a literal of SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn hostile_world() -> World {
    let mut world = World::new(ACME);
    let day = yesterday();
    let emoji = "🙂".repeat(200);
    let names = [HOSTILE.to_owned(), "\u{0}nul".to_owned(), emoji, "long".repeat(2_000)];
    let events = names.iter().enumerate().map(|(n, name)| {
        let event = json!({
            "id": format!("e{n}"), "type": name, "action": name,
            "created_at": format!("{day}T10:00:0{n}Z"),
            "actor": { "email": name }, "app": { "name": "recorder", "id": "r" },
        });
        Bytes::from(event.to_string())
    });
    world.heroku.put_day("acme", day, events.collect());
    assert_eq!(world.run("").status, 0);
    world.set("HEROKU_APP_ID", "r");
    world.set("HEROKU_APP_NAME", HOSTILE);
    let (text, before) = (literal(HOSTILE), day - chrono::Days::new(1));
    world.sql(&format!(
        "INSERT INTO audit_events_log (source, process_date, status, error_message, scope)
         VALUES ({text}, '{before}', 'ERROR', {text}, jsonb_build_object('account', {text}));
         INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome,
                                    message, by)
         VALUES (gen_random_uuid(), {text}, '{before}', 1, {text}, {text}, {text}, {text}),
                (gen_random_uuid(), 'acme', '{day}', 1, 'reset', 'pending', {text}, {text}),
                (gen_random_uuid(), 'acme', '{day}', 1, 'fail', 'failed', {text}, {text}),
                (gen_random_uuid(), 'acme', '{day}', 1, 'reconcile', 'differs', {text}, {text})"
    ));
    world
}

#[test]
fn a_hostile_name_ends_no_element_loads_nothing_and_steers_nothing() {
    let page = page(&hostile_world(), "");
    keep("hostile.html", &page);
    assert_eq!(page.chars().find(|c| steers(*c)), None);
    for forbidden in ["<script", "<img", "onerror=alert(2)>", "\" onload", "' autofocus"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // It is there, as text: otherwise this test would see nothing.
    let escaped = "&#60;/td&#62;&#60;/table&#62;&#60;script&#62;alert(1)&#60;/script&#62;";
    assert!(page.matches(escaped).count() > 12, "{}", page.matches(escaped).count());
    assert_says(&page, r"\u{202e}\u{2066}\u{1b}[2J\u{7}");
    assert_says(&page, &"🙂".repeat(200));
    // Eight thousand characters are too many for a page.
    assert_says(&page, "…(+6000 characters)");
    for tag in ["table", "td", "tr", "section", "svg", "details", "ul", "li", "dl"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_secret_in_a_name_is_redacted() {
    let world = World::new(ACME);
    let day = yesterday();
    let token = "HRKU-demo-acme-0001-not-a-secret";
    assert_eq!(world.run("").status, 0);
    world.sql(&format!(
        "INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome,
                                    message, by)
         VALUES (gen_random_uuid(), 'acme', '{day}', 1, 'reset', 'pending', 'token {token}', 'x')"
    ));
    let page = page(&world, "");
    assert!(!page.contains(token), "the page holds the token");
    assert_says(&page, "token [token]");
}
