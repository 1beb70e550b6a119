//! An answer to a `Range` must continue the list: no page that repeats, shrinks or is empty passes
//! for the end of a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::raw::{http, serve};
use crate::support::{ACME, DAY, World, day, numbered, source};

const ON_DAY: &str = "--date 2024-09-28";
const NEXT: &str = "Next-Range: id ]p2..; max=2\r\n";

/// A world whose Heroku is at `url`, with this many attempts for each request.
fn world_at(url: &str, attempts: u32) -> World {
    world_of(url, attempts, ACME)
}

fn world_of(url: &str, attempts: u32, sources: &str) -> World {
    let world = World::new(sources);
    let retry = format!(
        "[retry]\ninitial_interval = \"5ms\"\nmax_interval = \"10ms\"\nmax_attempts = {attempts}\n"
    );
    world.write_file(&format!(
        "[api]\nbase_url = \"{url}\"\n[rate_limit]\nburst = 1000\n{retry}{sources}"
    ));
    world
}

/// The report of a sync of one day, with three attempts for each request.
fn synced(url: &str, status: i32) -> Value {
    let report = world_at(url, 3).sync(ON_DAY, status);
    day(&report, "acme", DAY).clone()
}

fn list(ids: &[&str]) -> String {
    let events: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    format!("[{}]", events.join(","))
}

fn first(ids: &[&str]) -> Vec<u8> {
    http("206 Partial Content", NEXT, &list(ids))
}

fn last(ids: &[&str]) -> Vec<u8> {
    http("200 OK", "", &list(ids))
}

fn is_witness(head: &str) -> bool {
    head.contains("order=desc")
}

fn is_next(head: &str) -> bool {
    head.contains("\r\nrange: ")
}

/// A page after the first.
#[derive(Debug, Clone)]
struct Page {
    status: &'static str,
    leads_on: bool,
    ids: Vec<&'static str>,
}

/// Every kind of page that can follow `before`, with `fresh` as the new events.
fn kinds(before: &[&'static str], fresh: [&'static str; 2]) -> Vec<Page> {
    let reversed = before.iter().rev().copied().collect();
    let overlapping = vec![before[before.len() - 1], fresh[0]];
    let contents =
        [vec![], fresh.to_vec(), overlapping, before.to_vec(), vec![before[0]], reversed];
    let mut pages = Vec::new();
    for status in ["200 OK", "206 Partial Content"] {
        for leads_on in [false, true] {
            pages.extend(contents.iter().map(|ids| Page { status, leads_on, ids: ids.clone() }));
        }
    }
    pages
}

/// The expected result of a list with the first page [a, b] and then `pages`: its events, or `None`
/// if it fails. `hidden` is what the day has beyond these pages.
fn expected(pages: &[Page], hidden: Option<&'static str>) -> Option<BTreeSet<&'static str>> {
    let mut read = BTreeSet::from(["a", "b"]);
    for page in pages {
        let brings_new = page.ids.iter().any(|id| !read.contains(id));
        let says_end = page.status == "200 OK" && !page.leads_on;
        if page.status != "200 OK" && !page.leads_on {
            return None;
        }
        if !brings_new {
            return (says_end && page.ids.is_empty() && hidden.is_none()).then_some(read);
        }
        read.extend(page.ids.iter().copied());
        if says_end {
            return Some(read);
        }
    }
    read.insert("z");
    Some(read)
}

/// Each second page, and each third page after a second one that promises more.
fn table() -> Vec<Vec<Page>> {
    let mut table = Vec::new();
    for second in kinds(&["a", "b"], ["c", "d"]) {
        let goes_on = second.leads_on && second.ids.iter().any(|id| *id > "b");
        table.push(vec![second.clone()]);
        if goes_on {
            let before = if second.ids.contains(&"d") {
                &["a", "b", "c", "d"][..]
            } else {
                &["a", "b", "c"]
            };
            table.extend(
                kinds(before, ["e", "f"]).into_iter().map(|third| vec![second.clone(), third]),
            );
        }
    }
    table
}

/// Serves the table, one account per row. A list that continues beyond its row ends with one more
/// event.
fn serve_table(table: Arc<Vec<Vec<Page>>>, hidden: Option<&'static str>) -> String {
    serve(move |_, head| {
        let pages = &table[numbered::account_number(head)];
        if is_witness(head) {
            let read = pages.iter().flat_map(|page| page.ids.iter().copied()).chain(["b", "a"]);
            return last(&hidden.into_iter().chain(read).collect::<Vec<_>>());
        }
        let number =
            head.split_once("id ]p").map_or(1, |(_, rest)| usize::from(rest.as_bytes()[0] - b'0'));
        let next = format!("Next-Range: id ]p{}..; max=2\r\n", number + 1);
        match number.checked_sub(2).map(|at| pages.get(at)) {
            None => http("206 Partial Content", &next, &list(&["a", "b"])),
            Some(None) => last(&["z"]),
            Some(Some(page)) => {
                http(page.status, if page.leads_on { &next } else { "" }, &list(&page.ids))
            }
        }
    })
}

#[test]
fn every_order_of_pages_ends_as_the_table_says() {
    let table = Arc::new(table());
    assert!(table.len() > 100, "{} lines", table.len());
    for hidden in [None, Some("x")] {
        let url = serve_table(Arc::clone(&table), hidden);
        let world = world_of(&url, 1, &numbered::accounts(table.len()));
        let report = world.sync(ON_DAY, 1);
        let stored = world.sql(
            "SELECT source, string_agg(event_id, '' ORDER BY event_id) FROM audit_events
             JOIN audit_events_log USING (source, process_date) WHERE status = 'SUCCESS'
             GROUP BY 1",
        );
        let stored: BTreeMap<&str, &str> =
            stored.lines().filter_map(|row| row.split_once('|')).collect();
        for (line, pages) in table.iter().enumerate() {
            let source = format!("a{line:03}");
            let found = stored.get(&*source).map(|ids| (*ids).to_owned());
            let wanted = expected(pages, hidden).map(|ids| ids.into_iter().collect::<String>());
            assert_eq!(
                found,
                wanted,
                "[a, b], then {pages:?}, hidden: {hidden:?}: {:#}",
                day(&report, &source, DAY)
            );
        }
    }
}

#[test]
fn a_page_that_does_not_continue_is_requested_again_by_its_range() {
    for wrong in
        [last(&["a", "b"]), last(&["b"]), first(&["b", "a"]), http("206 Partial Content", "", "[]")]
    {
        let given = Mutex::new(false);
        let url = serve(move |_, head| match is_next(head) {
            false => first(&["a", "b"]),
            true if std::mem::replace(&mut *given.lock().expect("a lock"), true) => last(&["c"]),
            true => wrong.clone(),
        });
        let row = synced(&url, 0);
        let counts = (&row["events"], &row["requests"], &row["retries"]);
        assert_eq!(counts, (&3.into(), &3.into(), &1.into()), "{row:#}");
    }
}

#[test]
fn an_event_repeated_in_other_bytes_is_not_new() {
    let events = r#"[{ "id" : "b" }, {"seen":2,"id":"a"}]"#;
    for end in ["", "Next-Range: id ]p3..; max=2\r\n"] {
        let url =
            serve(
                move |_, head| {
                    if is_next(head) { http("200 OK", end, events) } else { first(&["a", "b"]) }
                },
            );
        let row = synced(&url, 1);
        assert_eq!(row["requests"], 4, "{row:#}");
        assert!(
            row["error"]
                .as_str()
                .is_some_and(|error| error.contains("only elements of earlier pages")),
            "{row:#}"
        );
    }
}

#[test]
fn an_event_without_an_id_is_identified_by_its_bytes() {
    let list = |pages: [&'static str; 2]| {
        serve(move |_, head| {
            if is_next(head) {
                http("200 OK", "", pages[1])
            } else {
                http("206 Partial Content", NEXT, pages[0])
            }
        })
    };
    assert_eq!(synced(&list([r#"[{"x":1},{"x":2}]"#, r#"[{"x":2},{"x":3}]"#]), 0)["events"], 3);
    synced(&list([r#"[{"x":1},{"x":2}]"#, r#"[{"x":2},{"x":1}]"#]), 1);
}

#[test]
fn events_of_a_broken_page_do_not_count_as_read_before() {
    let attempts = Mutex::new(0);
    let url = serve(move |_, head| {
        if !is_next(head) {
            return first(&["a", "b"]);
        }
        let mut attempts = attempts.lock().expect("a lock");
        *attempts += 1;
        if *attempts == 1 { http("200 OK", "", r#"[{"id":"c"},"#) } else { last(&["c"]) }
    });
    let row = synced(&url, 0);
    assert_eq!((&row["events"], &row["retries"]), (&3.into(), &1.into()), "{row:#}");
}

/// A list whose second page is empty, and a witness by the number of its request.
fn empty_behind_a_and_b(witness: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> String {
    let asked = Mutex::new(0);
    serve(move |_, head| {
        if is_witness(head) {
            assert!(!is_next(head), "the witness is the first page");
            *asked.lock().expect("a lock") += 1;
            return witness(*asked.lock().expect("a lock"));
        }
        if is_next(head) { last(&[]) } else { first(&["a", "b"]) }
    })
}

#[test]
fn an_empty_page_is_the_end_if_the_descending_list_holds_nothing_new() {
    for witness in [&["b", "a"][..], &["b"], &["b", "b"]] {
        let row = synced(&empty_behind_a_and_b(move |_| last(witness)), 0);
        assert_eq!((&row["events"], &row["requests"]), (&2.into(), &3.into()), "{row:#}");
    }
    // Only the first page of a witness counts, wherever it leads.
    let row = synced(&empty_behind_a_and_b(|_| first(&["b"])), 0);
    assert_eq!((&row["events"], &row["requests"]), (&2.into(), &3.into()), "{row:#}");
}

#[test]
fn an_empty_page_that_the_descending_list_contradicts_is_no_end() {
    for witness in [&["c", "b", "a"][..], &["c"], &["b", "c"]] {
        let row = synced(&empty_behind_a_and_b(move |_| last(witness)), 1);
        assert_eq!(row["requests"], 1 + 3 * 2, "page and witness, three times: {row:#}");
        assert!(
            row["error"].as_str().is_some_and(|error| error.contains("descending order")),
            "{row:#}"
        );
    }
    // A witness that lacks what was read is no witness.
    let row = synced(&empty_behind_a_and_b(|_| last(&[])), 1);
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("descending order")),
        "{row:#}"
    );
}

#[test]
fn events_that_the_witness_shows_are_read_from_the_repeated_page() {
    let asked = Mutex::new(0);
    let url = serve(move |_, head| match (is_witness(head), is_next(head)) {
        (true, _) => last(&["c", "b", "a"]),
        (false, false) => first(&["a", "b"]),
        (false, true) => {
            *asked.lock().expect("a lock") += 1;
            if *asked.lock().expect("a lock") == 1 { last(&[]) } else { last(&["c"]) }
        }
    });
    let row = synced(&url, 0);
    assert_eq!((&row["events"], &row["requests"]), (&3.into(), &4.into()), "{row:#}");
}

#[test]
fn a_failed_witness_request_is_retried_and_counted() {
    for broken in [
        http("503 Service Unavailable", "", ""),
        http("200 OK", "", "[{"),
        http("200 OK", "", "{}"),
    ] {
        let url =
            empty_behind_a_and_b(
                move |number| if number == 1 { broken.clone() } else { last(&["b", "a"]) },
            );
        let row = synced(&url, 0);
        assert_eq!((&row["requests"], &row["retries"]), (&4.into(), &1.into()), "{row:#}");
    }
    let row = synced(&empty_behind_a_and_b(|_| http("503 Service Unavailable", "", "")), 1);
    assert_eq!(row["requests"], 5, "{row:#}");
    assert!(row["error"].as_str().is_some_and(|error| error.contains("order=desc")), "{row:#}");

    let row = synced(&empty_behind_a_and_b(|_| http("403 Forbidden", "", "")), 1);
    assert_eq!(row["requests"], 3, "a refusal lasts: {row:#}");
}

#[test]
fn an_empty_first_page_may_promise_more_and_the_same_rule_holds() {
    let list = |second: Vec<u8>, witness: Vec<u8>| {
        serve(move |_, head| match (is_witness(head), is_next(head)) {
            (true, _) => witness.clone(),
            (false, false) => first(&[]),
            (false, true) => second.clone(),
        })
    };
    assert_eq!(synced(&list(last(&["a"]), last(&[])), 0)["events"], 1);
    let row = synced(&list(last(&[]), last(&["a"])), 1);
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("descending order")),
        "{row:#}"
    );
    synced(&list(http("206 Partial Content", "Next-Range: id ]p3..\r\n", "[]"), last(&[])), 1);
}

#[test]
fn a_dry_run_promises_no_day_that_a_sync_fails() {
    let url = serve(|_, head| if is_next(head) { last(&["a"]) } else { first(&["a", "b"]) });
    let world = world_at(&url, 2);
    let dry = world.run(&format!("sync --dry-run --output json {ON_DAY}"));
    assert_eq!(dry.status, 1, "{dry:#?}");
    assert!(dry.stdout.contains("only elements of earlier pages"), "{dry:#?}");
    let report = world.sync(ON_DAY, 1);
    assert_eq!(day(&report, "acme", DAY)["outcome"], "failed");
    assert_eq!(world.sql("SELECT status FROM audit_events_log"), "FAILED");
}

#[test]
fn the_list_of_teams_follows_the_same_rule() {
    let team = |name: &str| format!(r#"[{{"id":"t-{name}","name":"{name}"}}]"#);
    let source = source("acme", "acme") + "team = \"b\"\n";
    let second: HashMap<&str, (String, i32)> = HashMap::from([
        ("new", (team("b"), 0)),
        ("repeated", (team("a"), 1)),
        ("renamed", (r#"[{"id":"t-a","name":"b"}]"#.to_owned(), 1)),
        ("empty", ("[]".to_owned(), 1)),
    ]);
    for (kind, (body, status)) in second {
        let first = team("a");
        let url = serve(move |_, head| match (head.contains("/teams"), is_next(head)) {
            (true, false) => http("206 Partial Content", NEXT, &first),
            (true, true) => http("200 OK", "", &body),
            (false, _) => last(&["e"]),
        });
        let world = World::new(&source);
        let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 2\n";
        world.write_file(&format!("[api]\nbase_url = \"{url}\"\n{retry}{source}"));
        let report = world.sync(ON_DAY, status);
        let row = day(&report, "acme", DAY);
        assert_eq!(
            row["outcome"],
            if status == 0 { "synced" } else { "failed" },
            "{kind}: {row:#}"
        );
    }
}
