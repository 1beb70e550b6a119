//! Scripted faults, held requests and hanging ones.

use std::time::Duration;

use fake_heroku::{Fault, Match, Paging};

use crate::support::{ACME, ACME_DAY, GLOBEX, GLOBEX_DAY, World, day, events, header};

#[tokio::test]
async fn faults_are_used_up_in_order_and_the_rest_is_listed() {
    let world = World::decompressing();
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

    assert_eq!(world.acme_day("").await.status(), 503);
    assert_eq!(world.acme_day("").await.status(), 503);
    let limited = world.acme_day("").await;
    assert_eq!(
        (limited.status().as_u16(), header(&limited, "retry-after")),
        (429, Some("1".into()))
    );
    assert_eq!(world.acme_day("").await.text().await.unwrap(), "<html>");
    assert!(world.acme_day("").await.text().await.unwrap().ends_with("]{\"and\":"));
    let moved = world.acme_day("").await;
    assert_eq!(
        (moved.status().as_u16(), header(&moved, "location")),
        (302, Some("http://127.0.0.1:1/".into()))
    );
    let good = world.acme_day("").await;
    assert_eq!(header(&good, "x-heroku-warning").as_deref(), Some("careful"));
    assert_eq!(events(good).await.len(), 450);

    assert_eq!(world.heroku.faults_left().len(), 1);
    let echo = world.request(GLOBEX, GLOBEX_DAY).send().await.unwrap();
    assert!(echo.text().await.unwrap().contains(&format!("Bearer {GLOBEX}")));
    assert_eq!(world.heroku.faults_left(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cut_body_breaks_after_the_given_number_of_bytes() {
    let world = World::decompressing();
    world.heroku.set_gzip(false);
    world.heroku.fault(Match::events("acme"), Fault::CutBody { after_bytes: 1000 });
    let mut response = world.acme_day("").await;
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
    assert!(world.acme_day("").await.bytes().await.is_err());
    world.heroku.fault(Match::events("acme"), Fault::CutBody { after_bytes: 0 });
    let path = ACME_DAY;
    assert!(world.request(ACME, path).send().await.is_err());
    assert_eq!(events(world.acme_day("").await).await.len(), 450);
}

#[tokio::test]
async fn faults_of_paging_change_only_next_range() {
    let world = World::decompressing();
    world.heroku.set_paging(Paging::Pages { default: 200, max: 1000 });
    world.heroku.fault(Match::events("acme").page(1), Fault::NoNextRange);
    world.heroku.fault(Match::events("acme").page(2), Fault::RepeatPage);
    let first = world.acme_day("").await;
    assert_eq!((first.status().as_u16(), header(&first, "next-range")), (206, None));
    let next = header(&world.acme_day("").await, "next-range").unwrap();
    let path = ACME_DAY;
    let second = world.request(ACME, path).header("range", &next).send().await.unwrap();
    assert_eq!(header(&second, "next-range").unwrap(), next);
    assert_eq!(events(second).await, world.heroku.day("acme", day())[200..400]);
}

#[tokio::test]
async fn a_held_request_is_answered_with_the_data_at_its_release() {
    let world = World::decompressing();
    let hold = world.heroku.hold(Match::events("globex"));
    let request = world.request(GLOBEX, GLOBEX_DAY).send();
    let request = tokio::spawn(request);
    hold.arrived().await;
    assert_eq!(world.heroku.requests()[0].status, None);
    world.heroku.add_event("globex", day(), "{}");
    hold.release();
    assert_eq!(events(request.await.unwrap().unwrap()).await.len(), 4);
    assert_eq!(world.heroku.requests()[0].status, Some(200));
}

#[tokio::test]
async fn a_released_and_a_trickled_request_get_the_complete_day() {
    let world = World::decompressing();
    world.heroku.fault(Match::events("acme").times(2), Fault::Hang);
    let path = ACME_DAY;
    let hung = world.request(ACME, path).timeout(Duration::from_millis(100)).send().await;
    assert!(hung.unwrap_err().is_timeout());
    let hung = tokio::spawn(world.request(ACME, path).send());
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
    assert_eq!(events(world.acme_day("").await).await.len(), 450);
}
