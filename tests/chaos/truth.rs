//! What Heroku has, as the test itself put it there: the measure of what is stored.

use std::collections::BTreeMap;

use auditsync::digest::DayDigest;
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
    /// When Heroku certainly had it; 0 from the start.
    since: i64,
}

/// The events of a round, by account and date, in Heroku's order.
#[derive(Debug, Default)]
pub(crate) struct Truth(BTreeMap<(&'static str, NaiveDate), Vec<Event>>);

impl Truth {
    /// Gives Heroku a day: `count` usual events, `heavy` ones of a quarter of a megabyte so that they take several
    /// batches, and every `repeat`-th
    /// event twice.
    pub(crate) fn put_day(
        &mut self,
        heroku: &FakeHeroku,
        (account, date): (&'static str, NaiveDate),
        (count, heavy, repeat): (usize, usize, usize),
    ) {
        heroku.generate_day(account, date, count);
        let mut events = heroku.day(account, date);
        for number in 0..heavy {
            let place = (number * 7 + 3) % (events.len() + 1);
            events
                .insert(place, event(account, date, &format!("heavy-{number}"), 256 * 1024).into());
        }
        if repeat > 0 {
            // Side by side, and never the last: a page that holds nothing new is no end of a list.
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

    /// Adds an event that comes late.
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

    /// The hashes of a source's day by event id, and whether each had to be seen by a reading that began at `read`.
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

/// An event of a team, with so many bytes of padding.
fn event(account: &str, date: NaiveDate, name: &str, padding: usize) -> String {
    let team = ["team-a", "team-b"][name.len() % 2];
    let id = uuid(&format!("{account}/{date}/{name}"));
    let padding = "auditsync ".repeat(padding / 10);
    format!(
        r#"{{"id":"{id}","created_at":"{date}T12:00:00Z","type":"app","action":"create","team":{{"id":"{}","name":"{team}"}},"data":{{"note":"{padding}"}}}}"#,
        uuid(team)
    )
}

/// The digest of a day, from ids in ascending order with their hashes.
pub(crate) fn digest<'e>(events: impl Iterator<Item = (&'e str, &'e Hash)>) -> String {
    let mut digest = DayDigest::default();
    for (id, hash) in events {
        digest.add(id, hash).expect("the ids ascend");
    }
    hex::encode(digest.finish())
}

/// The last `count` days up to `last`, oldest first.
pub(crate) fn days(last: NaiveDate, count: u32) -> Vec<NaiveDate> {
    (0..count).rev().map(|back| last - Days::new(u64::from(back))).collect()
}
