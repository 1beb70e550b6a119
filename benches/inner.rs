//! The inner loops, through which every byte of a day passes: split the list, derive and hash the
//! events, compute the day's digest.
//!
//! `cargo bench` prints the throughput of each on 2,000 events of the fake Heroku, which is the
//! largest batch. `cargo run --release -p measure` measures entire runs.

use auditsync::count_elements;
use auditsync::event::Event;
use bytes::Bytes;
use chrono::NaiveDate;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use fake_heroku::Issuer;
use sha2::{Digest as _, Sha256};

const EVENTS: usize = 2000;

/// About as many bytes as an HTTP client returns at a time.
const CHUNK: usize = 16 * 1024;

fn main() {
    divan::main();
}

fn events() -> Vec<Bytes> {
    let team = |name: &str| (fake_heroku::uuid(name), name.to_owned());
    let issuer = Issuer {
        id: fake_heroku::uuid("acme"),
        name: "acme".into(),
        teams: vec![team("a"), team("b")],
    };
    let day = NaiveDate::from_ymd_opt(2024, 9, 28).expect("a date");
    (0..EVENTS).map(|position| fake_heroku::event(&issuer, day, position, EVENTS)).collect()
}

/// The number of events and their bytes.
fn counters(events: &[Bytes]) -> (ItemsCount, BytesCount) {
    (ItemsCount::new(events.len()), BytesCount::new(events.iter().map(Bytes::len).sum::<usize>()))
}

#[divan::bench]
fn split(bencher: Bencher<'_, '_>) {
    let (items, bytes) = counters(&events());
    let body = Bytes::from([b"[", &events().join(&b","[..])[..], b"]"].concat());
    let chunks: Vec<Bytes> = (0..body.len())
        .step_by(CHUNK)
        .map(|at| body.slice(at..body.len().min(at + CHUNK)))
        .collect();
    bencher.counter(items).counter(bytes).bench(|| {
        assert_eq!(count_elements(black_box(&chunks).iter().cloned()), Some(EVENTS));
    });
}

#[divan::bench]
fn derive(bencher: Bencher<'_, '_>) {
    let events = events();
    let (items, bytes) = counters(&events);
    bencher.counter(items).counter(bytes).bench(|| {
        let derive = |bytes: &Bytes| Event::from_bytes(bytes.clone()).expect("an event");
        black_box(&events).iter().map(derive).collect::<Vec<_>>()
    });
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    let events = events();
    let (items, bytes) = counters(&events);
    bencher
        .counter(items)
        .counter(bytes)
        .bench(|| black_box(&events).iter().map(Sha256::digest).collect::<Vec<_>>());
}

/// Like the database: over the hashes of the events, which are in order.
#[divan::bench]
fn digest(bencher: Bencher<'_, '_>) {
    let hashes: Vec<[u8; 32]> = events().iter().map(|event| Sha256::digest(event).into()).collect();
    let bytes = BytesCount::new(hashes.len() * 32);
    bencher.counter(ItemsCount::new(hashes.len())).counter(bytes).bench(|| {
        let mut digest = Sha256::new();
        for hash in black_box(&hashes) {
            digest.update(hash);
        }
        digest.finalize()
    });
}
