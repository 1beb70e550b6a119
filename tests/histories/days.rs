//! The days of a history, and the events that are written into them.

use auditsync::config::SourceName;
use auditsync::day::DayKey;
use auditsync::event::Event;
use bytes::Bytes;
use chrono::{Days, NaiveDate};
use fastrand::Rng;

use crate::start::{ADOPTED, adopted_day};

/// The days of a history. They have one source, so an id is one event among them.
pub(crate) fn of_history(number: u32, random: &mut Rng) -> Vec<DayKey> {
    let name = |name: &str| SourceName::parse(name).expect("a name");
    // Every fifth history has an adopted day, which no other has.
    if number.is_multiple_of(5) {
        return vec![DayKey::new(&name(ADOPTED), adopted_day(number / 5))];
    }
    let source = name(&format!("h{number:06}"));
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
    let day = |n| DayKey::new(&source, first + Days::new(n));
    (0..random.u64(1..=3)).map(day).collect()
}

/// Some events of a day: new ones, ones that may be stored already, other bytes of the same ids,
/// ones of another day, without an id, or not in UTF-8.
pub(crate) fn events(key: &DayKey, random: &mut Rng) -> Vec<Event> {
    (0..random.usize(1..=4)).map(|_| event(key, random)).collect()
}

fn event(key: &DayKey, random: &mut Rng) -> Event {
    let DayKey { source, date } = key;
    let own = date.and_hms_opt(1, 2, 3).expect("a time").and_utc().to_rfc3339();
    let id = random.u32(..8);
    let text = match random.u32(..10) {
        0 => format!(r#"{{"id":"{source}-{date}-{id}","type":"changed","n":{}}}"#, random.u32(..3)),
        1 => format!(r#"{{"id":"{source}-anywhere-{id}","created_at":"{own}"}}"#),
        2 => format!(r#"{{"created_at":"{own}","n":{id}}}"#),
        3 => format!(r#"{{"id":"{source}-{date}-dateless-{id}","created_at":"never"}}"#),
        _ => format!(r#"{{"id":"{source}-{date}-{id}","created_at":"{own}","type":"app"}}"#),
    };
    let mut bytes = text.into_bytes();
    if random.u32(..20) == 0 {
        // Not UTF-8, so the database keeps it as bytes.
        let end = bytes.len() - 1;
        bytes.splice(end..end, *b",\"x\":\"\xff\"");
    }
    Event::from_bytes(Bytes::from(bytes)).expect("an event")
}
