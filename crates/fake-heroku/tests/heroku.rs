//! What the fake promises to those who ask it over HTTP.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDate;
use fake_heroku::{
    FakeHeroku, Fault, Fixtures, Match, Month, Paging, Quota, corpus, gunzip, gzip, split,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const ACME: &str = "HRKU-demo-acme-0001-not-a-secret";
const VIEWER: &str = "HRKU-demo-acme-viewer-not-a-secret";
const GLOBEX: &str = "HRKU-demo-globex-0001-not-a-secret";

fn day() -> NaiveDate {
    "2024-09-28".parse().unwrap()
}

struct World {
    heroku: FakeHeroku,
    client: Client,
}

impl World {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { heroku: FakeHeroku::start(Fixtures::committed()), client }
    }

    fn get(&self, token: &str, path: &str) -> RequestBuilder {
        self.client
            .get(self.heroku.url() + path)
            .bearer_auth(token)
            .header("accept", "application/vnd.heroku+json; version=3")
            .header("user-agent", "test")
    }

    async fn acme(&self, query: &str) -> Response {
        self.get(ACME, &format!("/enterprise-accounts/acme/events?day=2024-09-28{query}"))
            .send()
            .await
            .unwrap()
    }
}

async fn refusal(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body["id"].as_str().unwrap().to_owned())
}

async fn events(response: Response) -> Vec<Bytes> {
    split(&response.bytes().await.unwrap()).unwrap()
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn the_committed_fixtures_are_what_the_generator_makes() {
    // Compressed bytes may differ between versions of the compressor, so what they hold is compared.
    let content = |bytes: &Bytes| {
        if bytes.starts_with(&[0x1f, 0x8b]) { gunzip(bytes).unwrap() } else { bytes.clone() }
    };
    for (path, bytes) in corpus::files() {
        let committed = Bytes::from(std::fs::read(Fixtures::folder().join(&path)).unwrap());
        assert!(
            content(&committed) == content(&bytes),
            "{} is not what `fake-heroku generate` makes",
            path.display()
        );
    }
}

#[tokio::test]
async fn a_whole_day_comes_as_the_very_bytes_in_either_order() {
    let world = World::new();
    let mut truth = world.heroku.day("acme", day());
    assert_eq!(truth.len(), 450);
    assert_eq!(events(world.acme("").await).await, truth);
    truth.reverse();
    assert_eq!(events(world.acme("&order=desc").await).await, truth);
    let by_id = "/enterprise-accounts/aaaaaaaa-0000-4000-8000-000000000001/events?day=2024-09-28&order=desc";
    assert_eq!(events(world.get(ACME, by_id).send().await.unwrap()).await, truth);
    assert_eq!(world.heroku.violations(), Vec::<String>::new());
    assert_eq!(world.heroku.requests_for("acme", day()).len(), 3);
}

#[tokio::test]
async fn a_day_is_gzipped_for_those_who_accept_it_unless_switched_off() {
    let world = World::new();
    let client = Client::builder().no_gzip().no_proxy().build().unwrap();
    let url = world.heroku.url() + "/enterprise-accounts/acme/events?day=2024-09-28";
    let asked = client.get(url).bearer_auth(ACME).header("user-agent", "test");
    let asked = asked.header("accept", "application/vnd.heroku+json; version=3");
    let gzipped = || asked.try_clone().unwrap().header("accept-encoding", "gzip, br").send();
    let plain = asked.try_clone().unwrap().send().await.unwrap();
    assert_eq!(header(&plain, "content-encoding"), None);
    let plain = plain.bytes().await.unwrap();

    let sent = gzipped().await.unwrap();
    assert_eq!(header(&sent, "content-encoding").as_deref(), Some("gzip"));
    assert_eq!(gunzip(&sent.bytes().await.unwrap()).unwrap(), plain);
    world.heroku.set_gzip(false);
    assert_eq!(gzipped().await.unwrap().bytes().await.unwrap(), plain);
}

#[tokio::test]
async fn pages_add_up_to_the_truth_whatever_the_events_are() {
    let world = World::new();
    world.heroku.set_paging(Paging::Pages { default: 2, max: 3 });
    let strange = [
        r#"{"id":"x"}"#,
        r#"{"id":"x"}"#,
        "7",
        "null",
        r#"{ "id" : "\u00e9\n" }"#,
        "[]",
        r#"{"type":"app"}"#,
    ];
    world.heroku.put_day(
        "acme",
        day(),
        strange.iter().map(|text| Bytes::from_static(text.as_bytes())).collect(),
    );
    for (query, first_range, pages) in [("", None, 4), ("&order=desc", Some("id ..; max=9"), 3)] {
        let mut range = first_range.map(str::to_owned);
        let (mut all, mut count) = (Vec::new(), 0);
        loop {
            let path = format!("/enterprise-accounts/acme/events?day=2024-09-28{query}");
            let request = world.get(ACME, &path);
            let request = match &range {
                Some(range) => request.header("range", range),
                None => request,
            };
            let response = request.send().await.unwrap();
            count += 1;
            range = header(&response, "next-range");
            assert_eq!(response.status() == StatusCode::PARTIAL_CONTENT, range.is_some());
            all.extend(events(response).await);
            if range.is_none() {
                break;
            }
        }
        let mut truth = world.heroku.day("acme", day());
        if query.contains("desc") {
            truth.reverse();
        }
        assert_eq!((all, count), (truth, pages));
    }
    let pages: Vec<_> = world.heroku.requests().iter().map(|asked| asked.page.unwrap()).collect();
    assert_eq!(pages, [1, 2, 3, 4, 1, 2, 3]);

    let garbage = world
        .get(ACME, "/enterprise-accounts/acme/events?day=2024-09-28")
        .header("range", "bytes=0-");
    let refused = refusal(garbage.send().await.unwrap()).await;
    assert_eq!(
        refused,
        (StatusCode::RANGE_NOT_SATISFIABLE, "requested_range_not_satisfiable".into())
    );
    assert_eq!(world.heroku.violations().len(), 1);
}

#[tokio::test]
async fn filters_select_by_type_action_and_address_of_the_actor() {
    let world = World::new();
    let selected =
        events(world.acme("&type=app&action=create&actor=user%40example.com").await).await;
    let truth: Vec<Bytes> = world
        .heroku
        .day("acme", day())
        .into_iter()
        .filter(|event| {
            let event: Value = serde_json::from_slice(event).unwrap();
            event["type"] == "app"
                && event["action"] == "create"
                && event["actor"]["email"] == "user@example.com"
        })
        .collect();
    assert!(truth.len() >= 90 && truth.len() < 450, "{}", truth.len());
    assert_eq!(selected, truth);

    world.heroku.add_event("acme", day(), "not an object");
    assert_eq!(
        events(world.acme("&type=app&action=create&actor=user%40example.com").await).await,
        truth
    );
}

#[tokio::test]
async fn each_wrong_request_has_its_error_and_only_malformed_ones_are_violations() {
    let world = World::new();
    let send = |request: RequestBuilder| async { refusal(request.send().await.unwrap()).await };
    let path = "/enterprise-accounts/acme/events?day=2024-09-28";
    let wrong = |code: u16, id: &str| (StatusCode::from_u16(code).unwrap(), id.to_owned());

    assert_eq!(send(world.get("HRKU-unknown", path)).await, wrong(401, "unauthorized"));
    assert_eq!(send(world.get(VIEWER, path)).await, wrong(403, "forbidden"));
    assert_eq!(send(world.get(GLOBEX, path)).await, wrong(404, "not_found"));
    assert_eq!(
        send(world.get(ACME, "/enterprise-accounts/nobody/events")).await,
        wrong(404, "not_found")
    );
    assert_eq!(world.heroku.violations(), Vec::<String>::new());

    assert_eq!(
        send(world.get(ACME, &format!("{path}&team=team-a"))).await,
        wrong(400, "bad_request")
    );
    assert_eq!(
        send(world.get(ACME, "/enterprise-accounts/acme/events?day=28-09-2024")).await,
        wrong(400, "bad_request")
    );
    let url = world.heroku.url() + path;
    let bare = world.client.get(&url).bearer_auth(ACME).header("user-agent", "test");
    assert_eq!(send(bare).await, wrong(406, "not_acceptable"));
    let anonymous =
        world.client.get(&url).header("accept", "application/vnd.heroku+json; version=3");
    assert_eq!(send(anonymous).await, wrong(400, "bad_request"));
    assert_eq!(world.heroku.violations().len(), 5, "{:?}", world.heroku.violations());

    world.heroku.revoke(ACME);
    assert_eq!(refusal(world.acme("").await).await, wrong(401, "unauthorized"));
}

#[tokio::test]
async fn faults_are_used_up_in_order_and_those_left_are_known() {
    let world = World::new();
    let matching = || Match::events("acme").day(day());
    world.heroku.fault(matching().times(2), Fault::status(503, "unavailable", "later"));
    world.heroku.fault(matching(), Fault::rate_limit(Some("1")));
    world.heroku.fault(Match::events("globex"), Fault::EchoToken { status: 401 });
    world.heroku.fault(matching(), Fault::body(200, "text/html", "<html>"));
    world.heroku.fault(matching(), Fault::TrailingGarbage);
    world.heroku.fault(matching(), Fault::Redirect { location: "http://127.0.0.1:1/".into() });
    world.heroku.fault(
        matching(),
        Fault::Header { name: "X-Heroku-Warning".into(), value: "careful".into() },
    );

    assert_eq!(world.acme("").await.status(), 503);
    assert_eq!(world.acme("").await.status(), 503);
    let limited = world.acme("").await;
    assert_eq!(
        (limited.status().as_u16(), header(&limited, "retry-after")),
        (429, Some("1".into()))
    );
    assert_eq!(world.acme("").await.text().await.unwrap(), "<html>");
    assert!(world.acme("").await.text().await.unwrap().ends_with("]{\"and\":"));
    let moved = world.acme("").await;
    assert_eq!(
        (moved.status().as_u16(), header(&moved, "location")),
        (302, Some("http://127.0.0.1:1/".into()))
    );
    let good = world.acme("").await;
    assert_eq!(header(&good, "x-heroku-warning").as_deref(), Some("careful"));
    assert_eq!(events(good).await.len(), 450);

    assert_eq!(world.heroku.faults_left().len(), 1);
    let echo = world
        .get(GLOBEX, "/enterprise-accounts/globex/events?day=2024-09-28")
        .send()
        .await
        .unwrap();
    assert!(echo.text().await.unwrap().contains(&format!("Bearer {GLOBEX}")));
    assert_eq!(world.heroku.faults_left(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cut_body_breaks_after_the_bytes_that_were_meant_to_arrive() {
    let world = World::new();
    world.heroku.set_gzip(false);
    world.heroku.fault(Match::events("acme"), Fault::CutBody { after_bytes: 1000 });
    let mut response = world.acme("").await;
    assert_eq!(response.status(), 200);
    let mut arrived = 0;
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => arrived += chunk.len(),
            end => break end.is_err(),
        }
    };
    assert_eq!((arrived, broken), (1000, true));

    world.heroku.set_gzip(true);
    world.heroku.fault(Match::events("acme"), Fault::CutBody { after_bytes: 100 });
    assert!(world.acme("").await.bytes().await.is_err());
    world.heroku.fault(Match::events("acme"), Fault::CutBody { after_bytes: 0 });
    let path = "/enterprise-accounts/acme/events?day=2024-09-28";
    assert!(world.get(ACME, path).send().await.is_err());
    assert_eq!(events(world.acme("").await).await.len(), 450);
}

#[tokio::test]
async fn faults_of_paging_spoil_next_range_alone() {
    let world = World::new();
    world.heroku.set_paging(Paging::Pages { default: 200, max: 1000 });
    world.heroku.fault(Match::events("acme").page(1), Fault::NoNextRange);
    world.heroku.fault(Match::events("acme").page(2), Fault::RepeatPage);
    let first = world.acme("").await;
    assert_eq!((first.status().as_u16(), header(&first, "next-range")), (206, None));
    let next = header(&world.acme("").await, "next-range").unwrap();
    let path = "/enterprise-accounts/acme/events?day=2024-09-28";
    let second = world.get(ACME, path).header("range", &next).send().await.unwrap();
    assert_eq!(header(&second, "next-range").unwrap(), next);
    assert_eq!(events(second).await, world.heroku.day("acme", day())[200..400]);
}

#[tokio::test]
async fn a_held_request_waits_for_its_release_and_then_sees_the_truth_of_that_moment() {
    let world = World::new();
    let hold = world.heroku.hold(Match::events("globex"));
    let request = world.get(GLOBEX, "/enterprise-accounts/globex/events?day=2024-09-28").send();
    let request = tokio::spawn(request);
    hold.arrived().await;
    assert_eq!(world.heroku.requests()[0].status, None);
    world.heroku.add_event("globex", day(), "{}");
    hold.release();
    assert_eq!(events(request.await.unwrap().unwrap()).await.len(), 4);
    assert_eq!(world.heroku.requests()[0].status, Some(200));
}

#[tokio::test]
async fn a_hanging_request_is_answered_when_released_and_a_trickled_one_is_whole() {
    let world = World::new();
    world.heroku.fault(Match::events("acme").times(2), Fault::Hang);
    let path = "/enterprise-accounts/acme/events?day=2024-09-28";
    let hung = world.get(ACME, path).timeout(Duration::from_millis(100)).send().await;
    assert!(hung.unwrap_err().is_timeout());
    let hung = tokio::spawn(world.get(ACME, path).send());
    while !world.heroku.faults_left().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!hung.is_finished());
    world.heroku.release_hangs();
    assert_eq!(events(hung.await.unwrap().unwrap()).await.len(), 450);
    world.heroku.fault(
        Match::events("acme"),
        Fault::Trickle { chunk: 4000, every: Duration::from_millis(1) },
    );
    assert_eq!(events(world.acme("").await).await.len(), 450);
}

#[tokio::test]
async fn the_quota_belongs_to_the_user_and_an_empty_one_gives_429() {
    let world = World::new();
    world.heroku.set_quota(Quota { capacity: 2, per_hour: 1, retry_after: None });
    let second = "HRKU-demo-acme-0002-not-a-secret";
    let account = world.get(second, "/account").send().await.unwrap();
    assert_eq!(header(&account, "ratelimit-remaining").as_deref(), Some("1"));
    assert_eq!(world.acme("").await.status(), 200);
    let limited = world.acme("").await;
    assert_eq!(header(&limited, "retry-after"), None);
    assert_eq!(refusal(limited).await, (StatusCode::TOO_MANY_REQUESTS, "rate_limit".into()));
    let left: Value =
        world.get(second, "/account/rate-limits").send().await.unwrap().json().await.unwrap();
    assert_eq!(left["remaining"], 0);
    assert_eq!(world.get(GLOBEX, "/account").send().await.unwrap().status(), 200);
    world.heroku.set_remaining("audit@acme.example.com", 1);
    assert_eq!(world.acme("").await.status(), 200);
}

#[tokio::test]
async fn an_archive_lies_at_another_host_and_its_checksum_is_that_of_its_bytes() {
    let world = World::new();
    let get = |path: &str| world.get(ACME, path).send();
    let list: Value =
        get("/enterprise-accounts/acme/archives").await.unwrap().json().await.unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[1].get("url"), None);
    let info: Value =
        get("/enterprise-accounts/acme/archives/2024/09").await.unwrap().json().await.unwrap();
    let url = info["url"].as_str().unwrap();
    assert!(
        url.starts_with(&world.heroku.archive_url_base()) && !url.starts_with(&world.heroku.url())
    );

    let file = world.client.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(hex::encode(Sha256::digest(&file)), info["checksum"]);
    assert_eq!(file.len(), info["size"]);
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(&file[..]).read_to_end(&mut json).unwrap();
    let mut archived = entries(&json);
    let mut truth: Vec<Bytes> = (25..=28)
        .flat_map(|day| world.heroku.day("acme", NaiveDate::from_ymd_opt(2024, 9, day).unwrap()))
        .collect();
    assert_ne!(archived, truth, "an archive is in no order");
    archived.sort();
    truth.sort();
    assert_eq!(archived, truth);
    assert_eq!(world.heroku.violations(), Vec::<String>::new());

    world.client.get(url).bearer_auth(ACME).send().await.unwrap();
    assert_eq!(world.heroku.violations().len(), 1);
    let missing = refusal(get("/enterprise-accounts/acme/archives/2024/07").await.unwrap()).await;
    assert_eq!(missing.0, 404);

    world.heroku.put_archive("acme", Month { year: 2024, month: 9 }, gzip(b"[]"));
    let changed: Value =
        get("/enterprise-accounts/acme/archives/2024/09").await.unwrap().json().await.unwrap();
    assert_ne!(changed["checksum"], info["checksum"]);
}

fn entries(json: &[u8]) -> Vec<Bytes> {
    #[derive(serde::Deserialize)]
    struct File<'a> {
        #[serde(borrow)]
        entries: Vec<&'a serde_json::value::RawValue>,
    }
    let file: File<'_> = serde_json::from_slice(json).unwrap();
    file.entries.into_iter().map(|entry| Bytes::copy_from_slice(entry.get().as_bytes())).collect()
}

#[tokio::test]
async fn accounts_and_teams_are_shown_to_their_members_alone() {
    let world = World::new();
    let get = async |token: &str, path: &str| -> Value {
        world.get(token, path).send().await.unwrap().json().await.unwrap()
    };
    let accounts = get(VIEWER, "/enterprise-accounts").await;
    assert_eq!(accounts[0]["name"], "acme");
    assert_eq!(accounts[0]["permissions"], serde_json::json!(["view"]));
    assert_eq!(get(ACME, "/enterprise-accounts/acme/teams").await.as_array().unwrap().len(), 2);
    assert_eq!(get(ACME, "/teams/team-a").await["enterprise_account"]["name"], "acme");
    assert_eq!(get(ACME, "/teams/hobby").await["enterprise_account"], Value::Null);
    assert_eq!(get(GLOBEX, "/teams/team-a").await["id"], "not_found");
    assert_eq!(get(ACME, "/account").await["email"], "audit@acme.example.com");
}

#[tokio::test]
async fn a_generated_day_is_the_same_each_time_and_each_event_is_json() {
    let world = World::new();
    world.heroku.generate_day("acme", day(), 3000);
    let first = events(world.acme("").await).await;
    assert_eq!(first, world.heroku.day("acme", day()));
    let mut ids: Vec<String> = first
        .iter()
        .map(|event| serde_json::from_slice::<Value>(event).unwrap()["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3000);
}

#[tokio::test]
async fn shifted_fixtures_end_on_the_date_given_and_their_archives_hold_them() {
    let to = "2025-02-28".parse().unwrap();
    let fixtures = Fixtures::load(Path::new(&Fixtures::folder())).unwrap().shifted(to);
    let heroku = FakeHeroku::start(fixtures);
    let events = heroku.day("acme", to);
    assert_eq!(events.len(), 450);
    for event in events {
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert!(event["created_at"].as_str().unwrap().starts_with("2025-02-28T"), "{event}");
    }
    assert!(heroku.day("acme", day()).is_empty());
}
