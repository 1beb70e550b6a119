//! What Heroku has, as the test created it: the reference for what is stored.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use fake_heroku::{FakeHeroku, uuid};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::time;

/// A source of a round: an account, or one team of it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) account: &'static str,
    pub(crate) team: Option<&'static str>,
}

/// SHA-256 of bytes.
pub(crate) type Hash = [u8; 32];

#[derive(Debug)]
struct Event {
    id: String,
    hash: Hash,
    team: Option<String>,
    /// When Heroku certainly had it; 0 for events from the start.
    since: i64,
}

/// What a day at Heroku consists of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DaySize {
    /// Usual events.
    pub(crate) count: usize,
    /// Events of a quarter of a megabyte, so that they take several batches.
    pub(crate) heavy: usize,
    /// Every event of this number comes twice; 0 for none.
    pub(crate) repeat: usize,
}

/// The events of a round, by account and date, in Heroku's order.
#[derive(Debug, Default)]
pub(crate) struct Truth(BTreeMap<(&'static str, NaiveDate), Vec<Event>>);

impl Truth {
    /// Adds a day to Heroku.
    pub(crate) fn put_day(
        &mut self,
        heroku: &FakeHeroku,
        account: &'static str,
        date: NaiveDate,
        size: DaySize,
    ) {
        let DaySize { count, heavy, repeat } = size;
        heroku.generate_day(account, date, count);
        let mut events = heroku.day(account, date);
        for number in 0..heavy {
            let place = (number * 7 + 3) % (events.len() + 1);
            events
                .insert(place, event(account, date, &format!("heavy-{number}"), 256 * 1024).into());
        }
        if repeat > 0 {
            // Next to each other, and never last: a page that brings nothing new does not end a
            // list.
            let last = events.len().saturating_sub(1);
            let twice = |(place, event): (usize, _)| {
                vec![event; 1 + usize::from(place % repeat == 0 && place < last)]
            };
            events = events.into_iter().enumerate().flat_map(twice).collect();
        }
        let known = events.iter().map(|bytes| Event::read(bytes, 0)).collect();
        heroku.put_day(account, date, events);
        self.0.insert((account, date), known);
    }

    /// Adds a late event.
    pub(crate) fn add_late(
        &mut self,
        heroku: &FakeHeroku,
        account: &'static str,
        date: NaiveDate,
        name: &str,
    ) {
        let bytes = event(account, date, name, 40).into_bytes();
        heroku.add_event(account, date, bytes.clone());
        let event = Event::read(&bytes, time::now());
        self.0.entry((account, date)).or_default().push(event);
    }

    /// The hashes of a source's day by event id, and whether a reading that began at `read` must
    /// have seen each.
    pub(crate) fn of(
        &self,
        source: &Source,
        date: NaiveDate,
        read: i64,
    ) -> BTreeMap<&str, (Hash, bool)> {
        let events = self.0.get(&(source.account, date)).into_iter().flatten();
        let team = source.team.map(uuid);
        let mine = events.filter(|event| team.is_none() || event.team == team);
        mine.map(|event| (event.id.as_str(), (event.hash, event.since < read))).collect()
    }

    /// The number of different events of a source's day.
    pub(crate) fn count(&self, source: &Source, date: NaiveDate) -> usize {
        self.of(source, date, 0).len()
    }
}

impl Event {
    fn read(bytes: &[u8], since: i64) -> Self {
        let event: Value = serde_json::from_slice(bytes).expect("JSON");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let id = text(&event["id"]).expect("an id");
        Self { id, hash: Sha256::digest(bytes).into(), team: text(&event["team"]["id"]), since }
    }
}

/// An event of a team, with this many bytes of padding.
fn event(account: &str, date: NaiveDate, name: &str, padding: usize) -> String {
    let team = ["team-a", "team-b"][name.len() % 2];
    let id = uuid(&format!("{account}/{date}/{name}"));
    let padding = "auditsync ".repeat(padding / 10);
    format!(
        concat!(
            r#"{{"id":"{}","created_at":"{}T12:00:00Z","type":"app","action":"create","#,
            r#""team":{{"id":"{}","name":"{}"}},"data":{{"note":"{}"}}}}"#,
        ),
        id,
        date,
        uuid(team),
        team,
        padding
    )
}

/// The digest that the contract defines, from hashes in the order of their ids.
pub(crate) fn digest<'h>(hashes: impl Iterator<Item = &'h Hash>) -> String {
    let mut digest = Sha256::new();
    hashes.for_each(|hash| digest.update(hash));
    hex::encode(digest.finalize())
}

/// The last `count` days up to `last`, oldest first.
pub(crate) fn days(last: NaiveDate, count: u32) -> Vec<NaiveDate> {
    (0..count).rev().map(|back| last - Days::new(u64::from(back))).collect()
}
