//! Real clients of Heroku's API: what its command line, its libraries and its exporter send, and what they expect.

use std::collections::BTreeSet;

use boon::{Compiler, Draft, Schemas};
use chrono::{DateTime, Days, NaiveDate, Utc};
use fake_heroku::{FakeHeroku, Fault, Fixtures, Match, Month, Paging, gzip};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const TOKEN: &str = "HRKU-demo-acme-0001-not-a-secret";
const V3: &str = "application/vnd.heroku+json; version=3";
const EVENTS: &str = "/enterprise-accounts/acme/events?day=2024-09-28";
const SEPTEMBER: Month = Month { year: 2024, month: 9 };

struct World {
    heroku: FakeHeroku,
    client: Client,
}

impl World {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().no_proxy();
        Self { heroku: FakeHeroku::start(Fixtures::committed()), client: client.build().unwrap() }
    }

    /// A request without a token.
    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.heroku.url() + path);
        request.header("accept", V3).header("user-agent", "heroku-cli/11.10.0")
    }

    async fn get(&self, path: &str, range: Option<&str>) -> Response {
        let request = self.bare(Method::GET, path).bearer_auth(TOKEN);
        let request = match range {
            Some(range) => request.header("range", range),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path, None).await.json().await.unwrap()
    }

    /// Reads a list as Heroku's command line does: page after page while the status is 206.
    async fn all(&self, path: &str, first: &str) -> (Vec<Value>, usize) {
        let (mut rows, mut pages, mut range) = (Vec::new(), 0, first.to_owned());
        loop {
            let response = self.get(path, Some(&range)).await;
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

    async fn archive_url(&self) -> String {
        let info = self.json("/enterprise-accounts/acme/archives/2024/09").await;
        info["url"].as_str().unwrap().to_owned()
    }

    /// Adds teams to the account until it has so many.
    fn teams(&self, count: usize) {
        for number in 2..count {
            self.heroku.add_team(&format!("team-{number:04}"), Some("acme"));
        }
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn texts<'v>(rows: &'v [Value], key: &str) -> Vec<&'v str> {
    rows.iter().map(|row| row[key].as_str().unwrap()).collect()
}

#[tokio::test]
async fn basic_authentication_with_the_token_as_password_is_taken() {
    let world = World::new();
    for user in ["", "audit@acme.example.com"] {
        let request = world.bare(Method::GET, EVENTS).basic_auth(user, Some(TOKEN));
        assert_eq!(request.send().await.unwrap().status(), 200, "{user:?}");
    }
    let schemes: Vec<_> = world.heroku.requests().iter().map(|asked| (asked.scheme, asked.token.clone())).collect();
    assert_eq!(schemes, [(Some("Basic"), Some(TOKEN.to_owned())), (Some("Basic"), Some(TOKEN.to_owned()))]);
    assert_eq!(world.heroku.violations(), [""; 0]);
    for (user, password) in [("", Some("HRKU-nobody-s")), ("", None), (TOKEN, None)] {
        let request = world.bare(Method::GET, EVENTS).basic_auth(user, password);
        assert_eq!(request.send().await.unwrap().status(), 401, "{user:?} {password:?}");
    }
}

#[tokio::test]
async fn any_spelling_of_version_3_is_accepted_and_no_other_version() {
    let world = World::new();
    let ask = async |accept: &str| {
        let request = world.client.get(world.heroku.url() + EVENTS).bearer_auth(TOKEN).header("user-agent", "curl/8");
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
    for accept in ["*/*", "application/vnd.heroku+json", "application/vnd.heroku+json; version=33.cedar-acm"] {
        assert_eq!(ask(accept).await, 406, "{accept}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_of_200_and_of_1000_at_most() {
    let world = World::new();
    world.teams(1203);
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
            let (rows, pages) = world.all(path, range).await;
            let ids: BTreeSet<_> = texts(&rows, "id").into_iter().collect();
            assert!(rows.len() == ids.len() && rows.len() >= 1203, "{path} {range}: {}", rows.len());
            assert_eq!(pages, expected_pages, "{path} {range}");
        }
    }
    assert_eq!(world.heroku.violations(), [""; 0]);
}

#[tokio::test]
async fn a_list_is_sorted_by_the_field_and_in_the_order_of_its_range() {
    let world = World::new();
    world.teams(30);
    let path = "/enterprise-accounts/acme/teams";
    for (range, is_descending) in
        [("name ..; max=7", false), ("name ..; order=asc,max=7;", false), ("name ..; max=7,order=desc", true)]
    {
        let (rows, pages) = world.all(path, range).await;
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
async fn every_list_says_what_part_of_it_an_answer_is() {
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
        let (rows, pages) = world.all(path, "id ..; max=1;").await;
        assert_eq!((rows.len(), &rows), (pages, &world.all(path, "id ..; max=1000;").await.0), "{path}");
    }
    world.heroku.change(|model| model.directory.teams.clear());
    let empty = world.get("/teams", None).await;
    assert_eq!((empty.status().as_u16(), header(&empty, "content-range")), (200, None));
    assert_eq!(header(&empty, "accept-ranges").as_deref(), Some("id, name"));
}

#[tokio::test]
async fn the_order_in_a_range_of_events_goes_before_that_in_the_query() {
    let world = World::new();
    let day: NaiveDate = "2024-09-28".parse().unwrap();
    let truth: Vec<Value> =
        world.heroku.day("acme", day).iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
    let reversed: Vec<Value> = truth.iter().rev().cloned().collect();
    for paging in [Paging::Whole, Paging::Pages { default: 200, max: 1000 }] {
        world.heroku.set_paging(paging);
        for (order, range, expected) in [
            ("", "id ..; order=desc,max=70", &reversed),
            ("&order=asc", "id ..; max=70,order=desc;", &reversed),
            ("&order=desc", "id ..; order=asc,max=70", &truth),
            ("&order=desc", "id ..; max=70", &reversed),
        ] {
            let (rows, pages) = world.all(&format!("{EVENTS}{order}"), range).await;
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
    let event: Value = serde_json::from_slice(&world.heroku.day("globex", "2024-09-28".parse().unwrap())[0]).unwrap();
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
        let index = compiler.compile(&format!("http://heroku/schema#/definitions/{name}"), &mut schemas).unwrap();
        let rows = if answer.is_array() { answer.as_array().unwrap().clone() } else { vec![answer] };
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
async fn members_and_teams_are_told_to_those_who_belong_there() {
    let world = World::new();
    let members = world.json("/enterprise-accounts/acme/members").await;
    let mut emails: Vec<&str> =
        members.as_array().unwrap().iter().map(|row| row["user"]["email"].as_str().unwrap()).collect();
    emails.sort_unstable();
    assert_eq!(emails, ["audit@acme.example.com", "group@example.com", "viewer@acme.example.com"]);
    let teams = world.json("/teams").await;
    assert_eq!(texts(teams.as_array().unwrap(), "name"), ["team-a", "team-b", "hobby"]);
    assert_eq!(world.get("/enterprise-accounts/globex/members", None).await.status(), 404);
    let upper = "/enterprise-accounts/AAAAAAAA-0000-4000-8000-000000000001/teams";
    assert_eq!(world.json(upper).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_has_a_resource_already_is_not_sent_it_again() {
    let world = World::new();
    let first = world.get("/teams", None).await;
    let etag = header(&first, "etag").unwrap();
    let again = || world.bare(Method::GET, "/teams").bearer_auth(TOKEN).header("if-none-match", &etag).send();
    let known = again().await.unwrap();
    assert_eq!((known.status().as_u16(), header(&known, "etag")), (304, Some(etag.clone())));
    assert_eq!(known.text().await.unwrap(), "");
    world.heroku.add_team("team-new", Some("acme"));
    assert_eq!(again().await.unwrap().status(), 200);
    let head = world.bare(Method::HEAD, "/teams").bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.text().await.unwrap()), (200, String::new()));
    assert_eq!(world.heroku.violations(), [""; 0]);
}

#[tokio::test]
async fn the_archive_host_sends_the_length_and_the_headers_of_s3() {
    let world = World::new();
    let url = world.archive_url().await;
    assert_eq!(url, world.heroku.archive_url("acme", SEPTEMBER));
    let answer = world.client.get(&url).send().await.unwrap();
    for (name, value) in
        [("accept-ranges", "bytes"), ("server", "AmazonS3"), ("content-type", "application/octet-stream")]
    {
        assert_eq!(header(&answer, name).as_deref(), Some(value));
    }
    assert_eq!(header(&answer, "last-modified").as_deref(), Some("Tue, 01 Oct 2024 00:02:24 GMT"));
    let etag = header(&answer, "etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with("-1\"") && etag.len() == 36, "{etag}");
    assert_eq!(header(&answer, "x-amz-request-id").unwrap().len(), 16);
    assert_eq!(header(&answer, "x-amz-id-2").unwrap().len(), 76);
    assert_eq!(header(&answer, "transfer-encoding"), None);
    let length: usize = header(&answer, "content-length").unwrap().parse().unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), length);

    let unknown = world.client.get(world.heroku.archive_url_base() + "/nothing").send().await.unwrap();
    assert_eq!(
        (unknown.status().as_u16(), header(&unknown, "content-type").as_deref()),
        (403, Some("application/xml"))
    );
    assert!(header(&unknown, "x-amz-request-id").is_some());
    assert!(unknown.text().await.unwrap().contains("<Code>AccessDenied</Code><Message>Access Denied</Message>"));
}

#[tokio::test]
async fn a_download_can_go_on_where_it_broke_off() {
    let world = World::new();
    let url = world.archive_url().await;
    let whole = world.client.get(&url).send().await.unwrap().bytes().await.unwrap();
    world.heroku.fault(Match::download(), Fault::CutBody { after_bytes: 1000 });
    let mut broken = world.client.get(&url).send().await.unwrap();
    assert_eq!(header(&broken, "content-length"), Some(whole.len().to_string()), "the length of all that should come");
    let mut got = Vec::new();
    while let Ok(Some(chunk)) = broken.chunk().await {
        got.extend_from_slice(&chunk);
    }
    assert_eq!(got.len(), 1000);
    let rest = world.client.get(&url).header("range", "bytes=1000-").send().await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(header(&rest, "content-range").unwrap(), format!("bytes 1000-{}/{}", whole.len() - 1, whole.len()));
    got.extend_from_slice(&rest.bytes().await.unwrap());
    assert!(got == whole);
    let beyond = world.client.get(&url).header("range", format!("bytes={}-", whole.len())).send().await.unwrap();
    assert_eq!(beyond.status(), 416);
}

#[tokio::test]
async fn an_archive_may_be_served_with_a_content_encoding_and_keeps_its_checksum() {
    let world = World::new();
    world.heroku.change_archive("acme", SEPTEMBER, |archive| archive.content_encoding = Some("gzip".into()));
    let info = world.json("/enterprise-accounts/acme/archives/2024/09").await;
    let url = world.archive_url().await;
    let sent = world.client.get(&url).send().await.unwrap();
    assert_eq!(header(&sent, "content-encoding").as_deref(), Some("gzip"));
    assert_eq!(hex::encode(Sha256::digest(sent.bytes().await.unwrap())), info["checksum"]);
    // A client that unpacks on its own has other bytes than those of the checksum.
    let unpacking = Client::builder().gzip(true).no_proxy().build().unwrap();
    let unpacked = unpacking.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert!(unpacked.starts_with(b"{\"entries\":["));
}

#[tokio::test]
async fn redirects_and_refusals_of_the_archive_host_follow_the_script() {
    let world = World::new();
    let url = world.archive_url().await;
    world.heroku.fault(Match::download(), Fault::redirect(307, Some("/elsewhere")));
    world.heroku.fault(Match::download(), Fault::redirect(301, None));
    world.heroku.fault(Match::download(), Fault::expired_address());
    world.heroku.fault(Match::download(), Fault::skewed_clock());
    world.heroku.fault(Match::download(), Fault::storage(404, "NoSuchKey", "a < b & c"));
    let get = async || world.client.get(&url).send().await.unwrap();
    let moved = get().await;
    assert_eq!((moved.status().as_u16(), header(&moved, "location").as_deref()), (307, Some("/elsewhere")));
    let moved = get().await;
    assert_eq!((moved.status().as_u16(), header(&moved, "location")), (301, None));
    for (status, told) in [
        (403, "<Code>AccessDenied</Code><Message>Request has expired</Message>"),
        (403, "<Code>RequestTimeTooSkewed</Code>"),
        (404, "<Code>NoSuchKey</Code><Message>a &lt; b &amp; c</Message>"),
    ] {
        let refused = get().await;
        assert_eq!(refused.status(), status);
        let text = refused.text().await.unwrap();
        assert!(text.contains(told), "{text}");
    }
    assert_eq!(get().await.status(), 200);
    for name in ["authorization", "cookie", "referer"] {
        world.client.get(&url).header(name, "a").send().await.unwrap();
    }
    assert_eq!(world.heroku.violations().len(), 3);
}

#[tokio::test]
async fn no_archive_of_fixtures_that_end_yesterday_was_made_in_the_future() {
    let now = Utc::now();
    for back in [1, 2, 31] {
        let fixtures = Fixtures::committed().shifted(now.date_naive() - Days::new(back));
        let world = World { heroku: FakeHeroku::start(fixtures), ..World::new() };
        let archives = world.json("/enterprise-accounts/acme/archives").await;
        assert!(!archives.as_array().unwrap().is_empty());
        for archive in archives.as_array().unwrap() {
            let made: DateTime<Utc> = archive["created_at"].as_str().unwrap().parse().unwrap();
            assert!(made <= Utc::now(), "{archive}");
        }
    }
    // Nor one that is made now, of the month that goes on, and it holds the days that are over.
    let world = World::new();
    let (today, month) = (now.date_naive(), Month::of(now.date_naive()));
    world.heroku.generate_day("acme", today, 3);
    world.heroku.make_archive("acme", month);
    assert!(world.heroku.archive_url("acme", month).len() > 20);
    world.heroku.change_archive("acme", month, |archive| {
        assert!(archive.created_at.parse::<DateTime<Utc>>().unwrap() <= Utc::now());
        assert!(!String::from_utf8_lossy(&fake_heroku::gunzip(&archive.file).unwrap()).contains("created_at"));
    });
    world.heroku.put_archive("acme", month, gzip(b"[]"));
    world.heroku.change_archive("acme", month, |archive| {
        assert!(archive.created_at.parse::<DateTime<Utc>>().unwrap() <= Utc::now());
    });
}
