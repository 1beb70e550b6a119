//! Writes events in batches, each event once. An event that the database refuses does not affect
//! the others.

use std::borrow::Cow;
use std::collections::HashMap;
use std::iter::zip;

use super::commit::{Prepared, Proof};
use super::compare::{Sameness, Search, SearchedDay, Stored, Under, Via, compare};
use super::error::{ErrorContext as _, Result};
use super::handle::Store;
use super::lease::Lease;
use super::patience::Retrying;
use super::pool::Transaction;
use super::statement::{column, statement};
use crate::event::{Event, Hash};

/// The result of writing some events.
#[derive(Debug, Default)]
pub struct Written<'e> {
    /// The events that were not stored before, in their order.
    pub new: Vec<&'e Event>,
    /// The events whose id is stored with other bytes.
    pub conflicting: Vec<&'e Event>,
    /// How many of these conflicts were not stored before.
    pub new_conflicts: u32,
    /// The events whose id is stored only under another day of the source. They do not belong to
    /// this day.
    pub elsewhere: Vec<&'e Event>,
    /// The events that are stored as bytes, because the database refuses them as JSON; with the
    /// reason.
    pub refused: Vec<(&'e Event, String)>,
}

/// An event in the form in which it is sent to the database.
#[derive(Debug, Clone)]
struct Offer<'e> {
    event: &'e Event,
    /// Why the event is sent as bytes; `None` for JSON.
    refused: Option<Cow<'e, str>>,
    /// Whether the derived columns are omitted, because the database refused one of them, too.
    bare: bool,
}

/// A part of a batch that is written in one transaction.
#[derive(Debug, Clone, Copy)]
struct BatchPart<'p, 'e> {
    offers: &'p [Offer<'e>],
    via: Via,
    search: Search,
}

impl<'e> Offer<'e> {
    fn new(event: &'e Event) -> Self {
        Self { event, refused: event.refused.as_deref().map(Cow::Borrowed), bare: false }
    }

    /// The next simpler form after the database refused this one for `reason`, if there is one.
    fn simpler(&self, reason: String) -> Option<Self> {
        match (&self.refused, self.bare) {
            (None, _) => Some(Self { refused: Some(Cow::Owned(reason)), ..self.clone() }),
            (Some(_), false) => Some(Self { bare: true, ..self.clone() }),
            (Some(_), true) => None,
        }
    }

    fn json(&self) -> Option<&'e str> {
        if self.refused.is_some() { None } else { self.event.text() }
    }

    fn raw(&self) -> Option<&'e [u8]> {
        self.refused.is_some().then_some(&*self.event.bytes)
    }
}

impl Store {
    /// Stores the events that are not stored yet, under the lease.
    ///
    /// When the database refuses a batch, it is halved until the refused event is found. That event
    /// is stored as bytes.
    pub async fn write_events<'e>(
        &self,
        lease: &Lease,
        events: &[&'e Event],
        via: Via,
    ) -> Result<Written<'e>> {
        let mut written = Written::default();
        let mut parts: Vec<Vec<Offer<'e>>> =
            vec![events.iter().map(|event| Offer::new(event)).collect()];
        while let Some(mut part) = parts.pop() {
            let error = match self.write_part(lease, &part, via).await {
                Ok(more) => {
                    written.add(more);
                    written.refused.extend(
                        part.into_iter().filter_map(|o| Some((o.event, o.refused?.into_owned()))),
                    );
                    continue;
                }
                Err(error) => error,
            };
            let Some(reason) = error.refused_data() else { return Err(error) };
            if part.len() > 1 {
                let second = part.split_off(part.len() / 2);
                parts.extend([second, part]);
            } else {
                let Some(simpler) = part.pop().and_then(|offer| offer.simpler(reason)) else {
                    return Err(error);
                };
                parts.push(vec![simpler]);
            }
        }
        Ok(written)
    }

    async fn write_part<'e>(
        &self,
        lease: &Lease,
        part: &[Offer<'e>],
        via: Via,
    ) -> Result<Written<'e>> {
        let mut retrying = Retrying::under(lease, self.connections(), "store events");
        loop {
            // If nothing was stored at the claim, this day is not searched. A duplicate key then
            // shows that it must be.
            let search = if lease.may_be_stored() { Search::EveryDay } else { Search::OtherDays };
            let part = BatchPart { offers: part, via, search };
            let written = match retrying.attempt(self.prepare_write(lease, part)).await {
                Ok(prepared) => self.commit(prepared, lease.time_left()).await,
                Err(error) => Err(error),
            };
            match written {
                // An id that came in an earlier batch.
                Err(error) if error.is_duplicate() && search == Search::OtherDays => {
                    lease.note_repeat();
                }
                Err(error) if error.refused_data().is_none() => retrying.after(error).await?,
                // Written; or refused data, which `write_events` halves.
                done => return done,
            }
        }
    }

    async fn prepare_write<'p, 'e>(
        &self,
        lease: &'p Lease,
        part: BatchPart<'p, 'e>,
    ) -> Result<Prepared<'p, Written<'e>>> {
        let BatchPart { offers, via, search } = part;
        let (unique, repeated) = without_repeats(offers);
        let mut tx = self.begin().await?;
        let xact = lease.fence.hold(&mut tx, &self.holder).await?;
        // The fence keeps every other process from storing events of the day, so an event that is
        // not stored now is new.
        let events: Vec<&Event> = unique.iter().chain(&repeated).map(|offer| offer.event).collect();
        let day = SearchedDay { key: lease.key(), names: lease.names(), search };
        let stored = compare(&mut tx, day, &events, Sameness::Bytes(via)).await?;
        let is_elsewhere = |stored: &Option<Stored>| {
            stored.is_some_and(|stored| stored.under() == Under::AnotherDay)
        };
        let elsewhere = zip(&events, &stored)
            .filter(|(_, stored)| is_elsewhere(stored))
            .map(|(event, _)| *event)
            .collect();
        let (of_unique, of_repeated) = stored.split_at(unique.len());
        let new: Vec<_> = zip(&unique, of_unique)
            .filter(|(_, stored)| stored.is_none())
            .map(|(o, _)| *o)
            .collect();
        let differing = zip(&unique, of_unique)
            .filter(|(_, stored)| stored.is_some_and(|stored| !stored.is_same()));
        // If an id comes twice, the first event is stored. So other bytes conflict even if nothing
        // was stored before, unless they equal the stored ones.
        let repeats =
            zip(&repeated, of_repeated).filter(|(_, stored)| !stored.is_some_and(Stored::is_same));
        let conflicting: Vec<_> = differing.chain(repeats).map(|(offer, _)| *offer).collect();
        insert_events(&mut tx, lease, &new, via).await?;
        let mut new_conflicts = Vec::new();
        if !conflicting.is_empty() {
            new_conflicts = insert_conflicts(&mut tx, lease, &conflicting).await?;
        }
        let (source, date) = (lease.key().source.as_ref(), lease.key().date);
        let proof = match (new.first(), new_conflicts.first()) {
            (Some(new), _) => Proof::Event { source, date, id: &new.event.id },
            (None, Some((id, hash))) => {
                Proof::Conflict { source, date, id: id.clone(), hash: hash.clone() }
            }
            (None, None) => Proof::Nothing,
        };
        let value = Written {
            new: new.into_iter().map(|offer| offer.event).collect(),
            conflicting: conflicting.into_iter().map(|offer| offer.event).collect(),
            new_conflicts: new_conflicts.len() as u32,
            elsewhere,
            refused: Vec::new(),
        };
        Ok(Prepared { tx, xact, proof, value })
    }
}

impl<'e> Written<'e> {
    fn add(&mut self, more: Written<'e>) {
        self.new.extend(more.new);
        self.conflicting.extend(more.conflicting);
        self.new_conflicts += more.new_conflicts;
        self.elsewhere.extend(more.elsewhere);
        self.refused.extend(more.refused);
    }
}

/// The first offer of each id, and those later ones whose bytes differ from the first.
fn without_repeats<'p, 'e>(offers: &'p [Offer<'e>]) -> (Vec<&'p Offer<'e>>, Vec<&'p Offer<'e>>) {
    let mut first: HashMap<&str, &Hash> = HashMap::with_capacity(offers.len());
    let (mut unique, mut repeated) = (Vec::with_capacity(offers.len()), Vec::new());
    for offer in offers {
        match first.get(offer.event.id.as_str()) {
            None => {
                first.insert(&offer.event.id, &offer.event.hash);
                unique.push(offer);
            }
            Some(hash) if **hash != offer.event.hash => repeated.push(offer),
            Some(_) => {}
        }
    }
    (unique, repeated)
}

async fn insert_events(
    tx: &mut Transaction,
    lease: &Lease,
    offers: &[&Offer<'_>],
    via: Via,
) -> Result<()> {
    let key = lease.key();
    if offers.is_empty() {
        return Ok(());
    }
    // In the order of the key, so the index is traversed once.
    let mut offers = offers.to_vec();
    offers.sort_unstable_by(|a, b| a.event.id.cmp(&b.event.id));
    let text = |column: fn(&crate::event::Columns) -> &Option<String>| -> Vec<Option<&str>> {
        offers
            .iter()
            .map(|o| if o.bare { None } else { column(&o.event.columns).as_deref() })
            .collect()
    };
    let times: Vec<_> =
        offers.iter().map(|o| if o.bare { None } else { o.event.columns.created_at }).collect();
    let addresses: Vec<_> =
        offers.iter().map(|o| if o.bare { None } else { o.event.columns.ip_address }).collect();
    statement(include_str!("sql/insert_events.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(via.as_str())
        .bind(offers.iter().map(|o| o.event.id.as_str()).collect::<Vec<_>>())
        .bind(times)
        .bind(text(|c| &c.kind))
        .bind(text(|c| &c.action))
        .bind(text(|c| &c.actor_email))
        .bind(text(|c| &c.actor_id))
        .bind(text(|c| &c.app_name))
        .bind(text(|c| &c.app_id))
        .bind(text(|c| &c.team_name))
        .bind(text(|c| &c.team_id))
        .bind(text(|c| &c.owner_email))
        .bind(addresses)
        .bind(offers.iter().map(|o| o.json()).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| o.raw()).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| o.refused.as_deref()).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| &o.event.hash[..]).collect::<Vec<_>>())
        .bind(lease.attempt())
        .execute(&mut **tx)
        .await
        .context("store events")
        .map(drop)
}

/// Stores conflicts, and returns id and hash of those that were not stored before.
async fn insert_conflicts(
    tx: &mut Transaction,
    lease: &Lease,
    offers: &[&Offer<'_>],
) -> Result<Vec<(String, Vec<u8>)>> {
    let key = lease.key();
    let rows = statement(include_str!("sql/insert_conflicts.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(offers.iter().map(|o| o.event.id.as_str()).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| &o.event.hash[..]).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| o.json()).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| o.raw()).collect::<Vec<_>>())
        .bind(offers.iter().map(|o| o.refused.as_deref()).collect::<Vec<_>>())
        .bind(lease.attempt())
        .fetch_all(&mut **tx)
        .await
        .context("store conflicts")?;
    rows.iter().map(|row| Ok((column(row, "event_id")?, column(row, "event_hash")?))).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(text: &'static str) -> Event {
        Event::from_bytes(Bytes::from_static(text.as_bytes())).expect("an event")
    }

    #[test]
    fn of_an_id_the_first_is_kept_and_other_bytes_are_set_apart() {
        let events = [
            event(r#"{"id":"a"}"#),
            event(r#"{"id":"a"}"#),
            event(r#"{"id":"a","x":1}"#),
            event(r#"{"id":"b"}"#),
        ];
        let offers: Vec<_> = events.iter().map(Offer::new).collect();
        let (unique, repeated) = without_repeats(&offers);
        assert_eq!(unique.iter().map(|o| &*o.event.id).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            repeated.iter().map(|o| &o.event.bytes[..]).collect::<Vec<_>>(),
            [br#"{"id":"a","x":1}"#]
        );
    }

    #[test]
    fn a_refused_event_is_sent_as_bytes_then_without_columns_then_never() {
        let event = event("{}");
        let bytes = Offer::new(&event).simpler("too deep".into()).expect("as bytes");
        assert_eq!((bytes.json(), bytes.raw(), bytes.bare), (None, Some(&b"{}"[..]), false));
        let bare = bytes.simpler("no such character".into()).expect("without columns");
        assert_eq!((bare.refused.as_deref(), bare.bare), (Some("too deep"), true));
        assert!(bare.simpler("again".into()).is_none());
    }
}
