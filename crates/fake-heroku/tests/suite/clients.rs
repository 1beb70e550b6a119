//! Real clients of Heroku's API: what its command line and its libraries send and expect.

use std::collections::BTreeSet;

use boon::{Compiler, Draft, Schemas};
use chrono::NaiveDate;
use fake_heroku::Paging;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{ACME, ACME_DAY, World, header};

/// Read a list like Heroku's command line: page after page while the status is 206.
async fn all(world: &World, path: &str, first: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut pages, mut range) = (Vec::new(), 0, first.to_owned());
    loop {
        let response = world.get(path, Some(&range)).await;
        let (status, next) = (response.status(), header(&response, "next-range"));
        let page: Vec<Value> = response.json().await.unwrap();
        rows.extend(page);
        pages += 1;
        if status != StatusCode::PARTIAL_CONTENT {
            assert_eq!((status, next), (StatusCode::OK, None));
            return (rows, pages);
        }
        range = next.expect("a 206 says where the list goes on");
    }
}

/// Add teams to the account until it has `count`.
fn add_teams(world: &World, count: usize) {
    for number in 2..count {
        world.heroku.add_team(&format!("team-{number:04}"), Some("acme"));
    }
}

fn texts<'v>(rows: &'v [Value], key: &str) -> Vec<&'v str> {
    rows.iter().map(|row| row[key].as_str().unwrap()).collect()
}

#[tokio::test]
async fn basic_authentication_with_the_token_as_password_is_accepted() {
    let world = World::new();
    for user in ["", "audit@acme.example.com"] {
        let request = world.bare(Method::GET, ACME_DAY).basic_auth(user, Some(ACME));
        assert_eq!(request.send().await.unwrap().status(), 200, "{user:?}");
    }
    let schemes: Vec<_> =
        world.heroku.requests().iter().map(|asked| (asked.scheme, asked.token.clone())).collect();
    assert_eq!(
        schemes,
        [(Some("Basic"), Some(ACME.to_owned())), (Some("Basic"), Some(ACME.to_owned()))]
    );
    assert_eq!(world.heroku.violations(), [""; 0]);
    for (user, password) in [("", Some("HRKU-nobody-s")), ("", None), (ACME, None)] {
        let request = world.bare(Method::GET, ACME_DAY).basic_auth(user, password);
        assert_eq!(request.send().await.unwrap().status(), 401, "{user:?} {password:?}");
    }
}

#[tokio::test]
async fn any_spelling_of_version_3_is_accepted_and_no_other_version() {
    let world = World::new();
    let ask = async |accept: &str| {
        let request = world
            .client
            .get(world.heroku.url() + ACME_DAY)
            .bearer_auth(ACME)
            .header("user-agent", "curl/8");
        request.header("accept", accept).send().await.unwrap().status().as_u16()
    };
    for accept in [
        "application/vnd.heroku+json; version=3.cedar-acm",
        "application/vnd.heroku+json;version=3.sdk",
        "application/json, application/vnd.heroku+json; version=3",
    ] {
        assert_eq!(ask(accept).await, 200, "{accept}");
    }
    assert_eq!(world.heroku.violations(), [""; 0]);
    for accept in
        ["*/*", "application/vnd.heroku+json", "application/vnd.heroku+json; version=33.cedar-acm"]
    {
        assert_eq!(ask(accept).await, 406, "{accept}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_of_200_and_of_1000_at_most() {
    let world = World::new();
    add_teams(&world, 1203);
    for path in ["/enterprise-accounts/acme/teams", "/teams"] {
        let first = world.get(path, None).await;
        assert_eq!(first.status(), 206, "{path}");
        assert_eq!(header(&first, "accept-ranges").as_deref(), Some("id, name"));
        let next = header(&first, "next-range").unwrap();
        let rows: Vec<Value> = first.json().await.unwrap();
        assert_eq!(rows.len(), 200);
        assert_eq!(next, format!("id ]{}..; max=200", rows[199]["id"].as_str().unwrap()));
        for (range, expected_pages) in
            [("id ..; max=1000;", 2), ("id ..; max=5000", 2), ("id ..", 7), ("..; max=500", 3)]
        {
            let (rows, pages) = all(&world, path, range).await;
            let ids: BTreeSet<_> = texts(&rows, "id").into_iter().collect();
            assert!(
                rows.len() == ids.len() && rows.len() >= 1203,
                "{path} {range}: {}",
                rows.len()
            );
            assert_eq!(pages, expected_pages, "{path} {range}");
        }
    }
    assert_eq!(world.heroku.violations(), [""; 0]);
}

#[tokio::test]
async fn a_list_is_sorted_by_the_field_and_in_the_order_of_its_range() {
    let world = World::new();
    add_teams(&world, 30);
    let path = "/enterprise-accounts/acme/teams";
    for (range, is_descending) in [
        ("name ..; max=7", false),
        ("name ..; order=asc,max=7;", false),
        ("name ..; max=7,order=desc", true),
    ] {
        let (rows, pages) = all(&world, path, range).await;
        let mut expected: Vec<&str> = texts(&rows, "name");
        expected.sort_unstable();
        if is_descending {
            expected.reverse();
        }
        assert_eq!((texts(&rows, "name"), rows.len(), pages), (expected, 30, 5), "{range}");
    }
    let part = world.get(path, Some("name team-0005..team-0008[; order=asc")).await;
    assert_eq!(header(&part, "content-range").as_deref(), Some("name team-0005..team-0007"));
    assert_eq!(part.status(), 200);
    for unknown in ["plan ..", "bytes=0-1"] {
        let refused = world.get(path, Some(unknown)).await;
        assert_eq!(refused.status(), 416, "{unknown}");
        assert!(refused.text().await.unwrap().contains("requested_range_not_satisfiable"));
    }
}

#[tokio::test]
async fn every_answer_names_its_part_of_the_list() {
    let world = World::new();
    for (path, fields) in [
        ("/enterprise-accounts", "id, name"),
        ("/enterprise-accounts/acme/teams", "id, name"),
        ("/enterprise-accounts/acme/members", "id"),
        ("/enterprise-accounts/acme/archives", "id"),
        ("/teams", "id, name"),
    ] {
        let answer = world.get(path, Some("id ..; max=1;")).await;
        assert_eq!(header(&answer, "accept-ranges").as_deref(), Some(fields), "{path}");
        assert!(header(&answer, "content-range").unwrap().starts_with("id "), "{path}");
        let (rows, pages) = all(&world, path, "id ..; max=1;").await;
        assert_eq!(
            (rows.len(), &rows),
            (pages, &all(&world, path, "id ..; max=1000;").await.0),
            "{path}"
        );
    }
    world.heroku.change(|model| model.directory.teams.clear());
    let empty = world.get("/teams", None).await;
    assert_eq!((empty.status().as_u16(), header(&empty, "content-range")), (200, None));
    assert_eq!(header(&empty, "accept-ranges").as_deref(), Some("id, name"));
}

#[tokio::test]
async fn the_order_in_a_range_overrides_that_in_the_query() {
    let world = World::new();
    let day: NaiveDate = "2024-09-28".parse().unwrap();
    let truth: Vec<Value> = world
        .heroku
        .day("acme", day)
        .iter()
        .map(|event| serde_json::from_slice(event).unwrap())
        .collect();
    let reversed: Vec<Value> = truth.iter().rev().cloned().collect();
    for paging in [Paging::Whole, Paging::Pages { default: 200, max: 1000 }] {
        world.heroku.set_paging(paging);
        for (order, range, expected) in [
            ("", "id ..; order=desc,max=70", &reversed),
            ("&order=asc", "id ..; max=70,order=desc;", &reversed),
            ("&order=desc", "id ..; order=asc,max=70", &truth),
            ("&order=desc", "id ..; max=70", &reversed),
        ] {
            let (rows, pages) = all(&world, &format!("{ACME_DAY}{order}"), range).await;
            assert!(rows == *expected, "{paging:?} {order} {range}");
            assert_eq!(pages, if paging == Paging::Whole { 1 } else { 7 });
        }
    }
}

#[tokio::test]
async fn each_resource_fits_the_schema_that_is_served_to_everyone() {
    let world = World::new();
    let schema = world.bare(Method::GET, "/schema").send().await.unwrap();
    assert_eq!(header(&schema, "content-type").as_deref(), Some("application/json"));
    let schema: Value = schema.json().await.unwrap();
    assert_eq!(world.heroku.violations(), [""; 0], "no token is needed");
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V4);
    compiler.add_resource("http://heroku/schema", schema.clone()).unwrap();
    let event: Value =
        serde_json::from_slice(&world.heroku.day("globex", "2024-09-28".parse().unwrap())[0])
            .unwrap();
    for (name, answer) in [
        ("enterprise-account", world.json("/enterprise-accounts").await),
        ("enterprise-account", world.json("/enterprise-accounts/acme").await),
        ("enterprise-account-member", world.json("/enterprise-accounts/acme/members").await),
        ("team", world.json("/enterprise-accounts/acme/teams").await),
        ("team", world.json("/teams").await),
        ("team", world.json("/teams/hobby").await),
        ("archive", world.json("/enterprise-accounts/acme/archives").await),
        ("archive", world.json("/enterprise-accounts/acme/archives/2024/09").await),
        ("rate-limit", world.json("/account/rate-limits").await),
        ("audit-trail-event", event),
    ] {
        let mut schemas = Schemas::new();
        let index = compiler
            .compile(&format!("http://heroku/schema#/definitions/{name}"), &mut schemas)
            .unwrap();
        let rows =
            if answer.is_array() { answer.as_array().unwrap().clone() } else { vec![answer] };
        assert!(!rows.is_empty(), "{name}");
        for row in rows {
            schemas.validate(&row, index).unwrap_or_else(|error| panic!("{name} {row}: {error:#}"));
            let known = schema["definitions"][name]["properties"].as_object().unwrap();
            for key in row.as_object().unwrap().keys() {
                assert!(known.contains_key(key), "{name} has no {key}");
            }
        }
    }
}

#[tokio::test]
async fn members_and_teams_are_visible_to_members_only() {
    let world = World::new();
    let members = world.json("/enterprise-accounts/acme/members").await;
    let mut emails: Vec<&str> = members
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["user"]["email"].as_str().unwrap())
        .collect();
    emails.sort_unstable();
    assert_eq!(emails, ["audit@acme.example.com", "group@example.com", "viewer@acme.example.com"]);
    let teams = world.json("/teams").await;
    assert_eq!(texts(teams.as_array().unwrap(), "name"), ["team-a", "team-b", "hobby"]);
    assert_eq!(world.get("/enterprise-accounts/globex/members", None).await.status(), 404);
    let upper = "/enterprise-accounts/AAAAAAAA-0000-4000-8000-000000000001/teams";
    assert_eq!(world.json(upper).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_known_etag_is_answered_with_304() {
    let world = World::new();
    let first = world.get("/teams", None).await;
    let etag = header(&first, "etag").unwrap();
    let again = || {
        world.bare(Method::GET, "/teams").bearer_auth(ACME).header("if-none-match", &etag).send()
    };
    let known = again().await.unwrap();
    assert_eq!((known.status().as_u16(), header(&known, "etag")), (304, Some(etag.clone())));
    assert_eq!(known.text().await.unwrap(), "");
    world.heroku.add_team("team-new", Some("acme"));
    assert_eq!(again().await.unwrap().status(), 200);
    let head = world.bare(Method::HEAD, "/teams").bearer_auth(ACME).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.text().await.unwrap()), (200, String::new()));
    assert_eq!(world.heroku.violations(), [""; 0]);
}
