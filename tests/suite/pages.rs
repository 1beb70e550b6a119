//! A paged list ends where Heroku says that it ends, and nowhere else.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::raw::{http, serve};
use crate::support::{ACME, DAY, World, day};

const ON_DAY: &str = "--date 2024-09-28";
const TEAM: &str = "[[source]]\nname = \"acme\"\naccount = \"acme\"\nteam = \"team-a\"\n\
    token_env = \"HEROKU_API_TOKEN\"\n";

/// The report of a sync of one day with Heroku at `url`.
fn synced(url: &str, source: &str, status: i32) -> Value {
    let world = World::new(ACME);
    let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_interval = \"10ms\"\nmax_attempts = 3\n";
    world.write_file(&format!(
        "[api]\nbase_url = \"{url}\"\n[rate_limit]\nburst = 1000\n{retry}{source}"
    ));
    let report = world.sync(ON_DAY, status);
    day(&report, "acme", DAY).clone()
}

/// A page of `events` whose next page is `next`.
fn page(events: &str, next: &str) -> Vec<u8> {
    http("206 Partial Content", &format!("Next-Range: {next}\r\n"), events)
}

#[test]
fn a_next_range_that_goes_back_is_an_error_whatever_the_pages_hold() {
    let url = serve(|number, _| {
        let name = ["first", "second"][number % 2];
        page(
            &format!(r#"[{{"id":"{number}-a"}},{{"id":"{number}-b"}}]"#),
            &format!("id ]{name}..; max=2"),
        )
    });
    let row = synced(&url, ACME, 1);
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("no usable Next-Range")),
        "{row:#}"
    );
    assert_eq!(row["requests"], 5, "the third page leads back at each of its requests");
}

#[test]
fn a_page_is_requested_by_the_range_given_and_with_the_longest_page() {
    let url = serve(|_, head| {
        let range = head.lines().find_map(|line| line.strip_prefix("range: ")).unwrap_or_default();
        match range {
            "" => page(r#"[{"id":"a"}]"#, "id ]a;b,c..; order=asc, max=200;"),
            "id ]a;b,c..; order=asc, max=1000;" => http("200 OK", "", r#"[{"id":"b"}]"#),
            other => http(
                "416 Range Not Satisfiable",
                "",
                &format!(r#"{{"id":"range","message":"{other}"}}"#),
            ),
        }
    });
    let row = synced(&url, ACME, 0);
    assert_eq!((&row["events"], &row["requests"]), (&2.into(), &2.into()), "{row:#}");
}

#[test]
fn a_next_range_that_can_not_be_read_does_not_pass_for_the_end() {
    for status in ["200 OK", "206 Partial Content"] {
        let url =
            serve(move |_, _| http(status, "Next-Range: id ]é..; max=200\r\n", r#"[{"id":"a"}]"#));
        let row = synced(&url, ACME, 1);
        assert!(
            row["error"].as_str().is_some_and(|error| error.contains("no usable Next-Range")),
            "{row:#}"
        );
    }
}

#[test]
fn a_next_range_on_a_200_is_followed() {
    let url = serve(|number, _| match number {
        0 => http("200 OK", "Next-Range: id ]a..; max=1\r\n", r#"[{"id":"a"}]"#),
        _ => http("200 OK", "", r#"[{"id":"b"}]"#),
    });
    assert_eq!(synced(&url, ACME, 0)["events"], 2);
}

#[test]
fn a_short_page_that_repeats_the_one_before_is_an_error() {
    for (body, requests) in [("[]", 4), (r#"[{"id":"a"}]"#, 4)] {
        let url = serve(move |number, _| match number {
            0..5 => page(body, &format!("id ]{number}..; max=1")),
            _ => http("200 OK", "", r#"[{"id":"z"}]"#),
        });
        let row = synced(&url, ACME, 1);
        assert!(
            row["error"].as_str().is_some_and(|error| error.contains("does not continue the list")),
            "{row:#}"
        );
        assert_eq!(row["requests"], requests, "the second page, three times: {row:#}");
    }
}

#[test]
fn a_failed_page_of_teams_is_retried_by_the_policy() {
    let teams = |from: u32| {
        let mut list = String::from("[");
        for number in from..from + 3 {
            let _ = write!(list, r#"{{"id":"t-{number}","name":"team-{number}"}},"#);
        }
        list + r#"{"id":"t-a","name":"team-x"}]"#
    };
    let url = serve(move |_, head| {
        if head.contains("range: ") {
            http("503 Service Unavailable", "", "")
        } else {
            page(&teams(0), "id ]t-3..; max=200")
        }
    });
    let row = synced(&url, TEAM, 1);
    assert_eq!(row["requests"], 4, "the first page once, and the second three times: {row:#}");

    let url = serve(move |number, head| match (head.contains("/teams"), number) {
        (true, 0) => page(&teams(0), "id ]t-3..; max=200"),
        (true, 1) => http("503 Service Unavailable", "", ""),
        (true, _) => http("200 OK", "", r#"[{"id":"t-9","name":"team-a"}]"#),
        (false, _) => http("200 OK", "", r#"[{"id":"a","team":{"id":"t-9"}},{"id":"b"}]"#),
    });
    let row = synced(&url, TEAM, 0);
    assert_eq!(
        (&row["events"], &row["requests"], &row["retries"]),
        (&1.into(), &4.into(), &1.into()),
        "{row:#}"
    );
}

#[test]
fn a_broken_answer_leaves_no_event_among_those_of_its_neighbours() {
    let broken = [
        r#"[{"id":"bogus-1"},{"id":"bogus-2"}"#,
        r#"[{"id":"bogus-3"}]]"#,
        r#"[{"id":"bogus-4"},{"id":}]"#,
    ];
    let url = serve(move |number, _| match number {
        0 => page(r#"[{"id":"a"},{"id":"b"}]"#, "id ]b..; max=2"),
        1..=3 => http("206 Partial Content", "Next-Range: id ]d..; max=2\r\n", broken[number - 1]),
        4 => page(r#"[{"id":"c"},{"id":"d"}]"#, "id ]d..; max=2"),
        5 => page("[]", "id ]e..; max=2"),
        6 => http("503 Service Unavailable", "", ""),
        _ => http("200 OK", "", r#"[{"id":"e"}]"#),
    });
    let world = World::new(ACME);
    let retry = "[retry]\ninitial_interval = \"5ms\"\n";
    world.write_file(&format!("[api]\nbase_url = \"{url}\"\n{retry}{ACME}"));
    let report = world.sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["requests"], 8);
    assert_eq!(
        world.sql("SELECT string_agg(event_id, '' ORDER BY event_id) FROM audit_events"),
        "abcde"
    );
}
