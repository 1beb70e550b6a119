//! Days of events: their bytes, pages, filters and generation.

use bytes::Bytes;
use fake_heroku::{Paging, gunzip};
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{ACME, ACME_DAY, World, day, events, header, refusal};

#[tokio::test]
async fn a_day_is_listed_byte_for_byte_in_both_orders() {
    let world = World::decompressing();
    let mut truth = world.heroku.day("acme", day());
    assert_eq!(truth.len(), 450);
    assert_eq!(events(world.acme_day("").await).await, truth);
    truth.reverse();
    assert_eq!(events(world.acme_day("&order=desc").await).await, truth);
    let account = "/enterprise-accounts/aaaaaaaa-0000-4000-8000-000000000001";
    let by_id = format!("{account}/events?day=2024-09-28&order=desc");
    assert_eq!(events(world.get(&by_id, None).await).await, truth);
    assert_eq!(world.heroku.violations(), Vec::<String>::new());
    assert_eq!(world.heroku.requests_for("acme", day()).len(), 3);
}

#[tokio::test]
async fn a_day_is_compressed_for_clients_that_accept_gzip() {
    let world = World::new();
    let gzipped = || world.request(ACME, ACME_DAY).header("accept-encoding", "gzip, br").send();
    let plain = world.acme_day("").await;
    assert_eq!(header(&plain, "content-encoding"), None);
    let plain = plain.bytes().await.unwrap();

    let sent = gzipped().await.unwrap();
    assert_eq!(header(&sent, "content-encoding").as_deref(), Some("gzip"));
    assert_eq!(gunzip(&sent.bytes().await.unwrap()).unwrap(), plain);
    world.heroku.set_gzip(false);
    assert_eq!(gzipped().await.unwrap().bytes().await.unwrap(), plain);
}

#[tokio::test]
async fn pages_of_any_events_add_up_to_the_day() {
    let world = World::decompressing();
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
            let response = world.get(&format!("{ACME_DAY}{query}"), range.as_deref()).await;
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

    let refused = refusal(world.get(ACME_DAY, Some("bytes=0-")).await).await;
    assert_eq!(
        refused,
        (StatusCode::RANGE_NOT_SATISFIABLE, "requested_range_not_satisfiable".into())
    );
    assert_eq!(world.heroku.violations().len(), 1);
}

#[tokio::test]
async fn filters_select_by_type_action_and_actor() {
    let world = World::decompressing();
    let selected =
        events(world.acme_day("&type=app&action=create&actor=user%40example.com").await).await;
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
        events(world.acme_day("&type=app&action=create&actor=user%40example.com").await).await,
        truth
    );
}

#[tokio::test]
async fn a_generated_day_is_the_same_each_time_and_each_event_is_json() {
    let world = World::decompressing();
    world.heroku.generate_day("acme", day(), 3000);
    let first = events(world.acme_day("").await).await;
    assert_eq!(first, world.heroku.day("acme", day()));
    let mut ids: Vec<String> = first
        .iter()
        .map(|event| serde_json::from_slice::<Value>(event).unwrap()["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3000);
}
