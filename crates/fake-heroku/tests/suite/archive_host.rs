//! The archive host, as Heroku's exporter and other downloaders use it.

use std::io::Read as _;

use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, Utc};
use fake_heroku::{FakeHeroku, Fault, Fixtures, Match, Month, gzip};
use sha2::{Digest as _, Sha256};

use crate::support::{ACME, World, header, refusal};

const SEPTEMBER: Month = Month { year: 2024, month: 9 };

async fn archive_url(world: &World) -> String {
    let info = world.json("/enterprise-accounts/acme/archives/2024/09").await;
    info["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_archive_host_sends_the_length_and_the_headers_of_s3() {
    let world = World::new();
    let url = archive_url(&world).await;
    assert_eq!(url, world.heroku.archive_url("acme", SEPTEMBER));
    let answer = world.client.get(&url).send().await.unwrap();
    for (name, value) in [
        ("accept-ranges", "bytes"),
        ("server", "AmazonS3"),
        ("content-type", "application/octet-stream"),
    ] {
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

    let unknown =
        world.client.get(world.heroku.archive_url_base() + "/nothing").send().await.unwrap();
    assert_eq!(
        (unknown.status().as_u16(), header(&unknown, "content-type").as_deref()),
        (403, Some("application/xml"))
    );
    assert!(header(&unknown, "x-amz-request-id").is_some());
    assert!(
        unknown
            .text()
            .await
            .unwrap()
            .contains("<Code>AccessDenied</Code><Message>Access Denied</Message>")
    );
}

#[tokio::test]
async fn a_download_resumes_where_it_broke() {
    let world = World::new();
    let url = archive_url(&world).await;
    let whole = world.client.get(&url).send().await.unwrap().bytes().await.unwrap();
    world.heroku.fault(Match::download(), Fault::CutBody { after_bytes: 1000 });
    let mut broken = world.client.get(&url).send().await.unwrap();
    assert_eq!(
        header(&broken, "content-length"),
        Some(whole.len().to_string()),
        "the length of all that should come"
    );
    let mut got = Vec::new();
    while let Ok(Some(chunk)) = broken.chunk().await {
        got.extend_from_slice(&chunk);
    }
    assert_eq!(got.len(), 1000);
    let rest = world.client.get(&url).header("range", "bytes=1000-").send().await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(
        header(&rest, "content-range").unwrap(),
        format!("bytes 1000-{}/{}", whole.len() - 1, whole.len())
    );
    got.extend_from_slice(&rest.bytes().await.unwrap());
    assert!(got == whole);
    let beyond = world
        .client
        .get(&url)
        .header("range", format!("bytes={}-", whole.len()))
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), 416);
}

#[tokio::test]
async fn an_archive_served_with_a_content_encoding_keeps_its_checksum() {
    let world = World::new();
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        archive.content_encoding = Some("gzip".into());
    });
    let info = world.json("/enterprise-accounts/acme/archives/2024/09").await;
    let url = archive_url(&world).await;
    let sent = world.client.get(&url).send().await.unwrap();
    assert_eq!(header(&sent, "content-encoding").as_deref(), Some("gzip"));
    assert_eq!(hex::encode(Sha256::digest(sent.bytes().await.unwrap())), info["checksum"]);
    // A client that decompresses by itself would see other bytes than those of the checksum.
    let unpacked =
        fake_heroku::gunzip(&world.client.get(&url).send().await.unwrap().bytes().await.unwrap())
            .unwrap();
    assert!(unpacked.starts_with(b"{\"entries\":["));
}

#[tokio::test]
async fn the_archive_host_redirects_and_rejects_as_scripted() {
    let world = World::new();
    let url = archive_url(&world).await;
    world.heroku.fault(Match::download(), Fault::redirect(307, Some("/elsewhere")));
    world.heroku.fault(Match::download(), Fault::redirect(301, None));
    world.heroku.fault(Match::download(), Fault::expired_address());
    world.heroku.fault(Match::download(), Fault::skewed_clock());
    world.heroku.fault(Match::download(), Fault::storage(404, "NoSuchKey", "a < b & c"));
    let get = async || world.client.get(&url).send().await.unwrap();
    let moved = get().await;
    assert_eq!(
        (moved.status().as_u16(), header(&moved, "location").as_deref()),
        (307, Some("/elsewhere"))
    );
    let moved = get().await;
    assert_eq!((moved.status().as_u16(), header(&moved, "location")), (301, None));
    for (status, message) in [
        (403, "<Code>AccessDenied</Code><Message>Request has expired</Message>"),
        (403, "<Code>RequestTimeTooSkewed</Code>"),
        (404, "<Code>NoSuchKey</Code><Message>a &lt; b &amp; c</Message>"),
    ] {
        let refused = get().await;
        assert_eq!(refused.status(), status);
        let text = refused.text().await.unwrap();
        assert!(text.contains(message), "{text}");
    }
    assert_eq!(get().await.status(), 200);
    for name in ["authorization", "cookie", "referer"] {
        world.client.get(&url).header(name, "a").send().await.unwrap();
    }
    assert_eq!(world.heroku.violations().len(), 3);
}

#[tokio::test]
async fn no_archive_has_a_creation_time_in_the_future() {
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
    // The same for an archive of the current month, made now. It holds the days that are over.
    let world = World::new();
    let (today, month) = (now.date_naive(), Month::of(now.date_naive()));
    world.heroku.generate_day("acme", today, 3);
    world.heroku.make_archive("acme", month);
    assert!(world.heroku.archive_url("acme", month).len() > 20);
    world.heroku.change_archive("acme", month, |archive| {
        assert!(archive.created_at.parse::<DateTime<Utc>>().unwrap() <= Utc::now());
        assert!(
            !String::from_utf8_lossy(&fake_heroku::gunzip(&archive.file).unwrap())
                .contains("created_at")
        );
    });
    world.heroku.put_archive("acme", month, gzip(b"[]"));
    world.heroku.change_archive("acme", month, |archive| {
        assert!(archive.created_at.parse::<DateTime<Utc>>().unwrap() <= Utc::now());
    });
}

#[tokio::test]
async fn an_archive_is_at_another_host_and_fits_its_checksum() {
    let world = World::decompressing();
    let list = world.json("/enterprise-accounts/acme/archives").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[1].get("url"), None);
    let info = world.json("/enterprise-accounts/acme/archives/2024/09").await;
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
    let missing =
        refusal(world.get("/enterprise-accounts/acme/archives/2024/07", None).await).await;
    assert_eq!(missing.0, 404);

    world.heroku.put_archive("acme", SEPTEMBER, gzip(b"[]"));
    let changed = world.json("/enterprise-accounts/acme/archives/2024/09").await;
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
