//! Reads a list to its end: page after page, each tried again by the policy.
//!
//! A page that fails half-way is read again from its start, so elements may come twice; whoever stores them must not
//! mind. The end is reported only after the last page was read whole.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::task::yield_now;

use super::answer::{Error, Fault, shape};
use super::asking::{Asking, Cost};
use super::page::{NextRange, Page, with_page_size};
use super::request::Failed;
use super::{Asker, Client};
use crate::event::Event;

/// The most events in a batch.
pub(super) const BATCH_EVENTS: usize = 2000;
/// The bytes at which a batch is full; one event may exceed them.
pub(super) const BATCH_BYTES: usize = 1024 * 1024;

/// After so many events whoever writes the batch before gets a turn, since the database may have answered.
const EVENTS_AT_A_STRETCH: usize = 32;

/// How often a page with one element, or none, may be like another. Longer ones are never alike by chance.
const SHORT_PAGES_ALIKE: u32 = 10;

/// Events that were read one after the other.
pub type Batch = Vec<Event>;

/// What the next step of reading a day brought.
#[derive(Debug)]
pub enum Read {
    /// Some events. The same may come again.
    Batch(Batch),
    /// The end of the day: every page was read whole.
    Whole,
}

/// Reads the events of a day, a batch at a time.
#[derive(Debug)]
pub struct DayReader<'c> {
    list: ListReader<'c>,
    /// What was read since the last batch. It outlives a failed attempt, because it may hold the end of a page that was
    /// read whole and will not be asked for again.
    batch: Batch,
    batch_bytes: usize,
    /// How many events were read of the page that is open, the last ones in the batch among them.
    of_page: usize,
    /// Which page the last event was on, by how many had been left behind.
    page_of_last_event: usize,
}

/// Reads the elements of a list.
#[derive(Debug)]
pub(super) struct ListReader<'c> {
    asking: Asking<'c>,
    /// The `Range` of the page to read; the first has none.
    range: Option<String>,
    ranges_seen: HashSet<String>,
    pages_seen: HashMap<u64, u32>,
    /// The pages that were left behind, and the elements on them.
    pages_behind: usize,
    elements_behind: usize,
    page: Option<Page>,
    ended: bool,
}

impl<'c> DayReader<'c> {
    pub(super) fn new(list: ListReader<'c>) -> Self {
        Self { list, batch: Batch::new(), batch_bytes: 0, of_page: 0, page_of_last_event: 0 }
    }

    /// The next events, or the end of the day. Behind an error there is nothing more to read.
    pub async fn next(&mut self) -> Result<Read, Error> {
        loop {
            match self.fill_batch().await {
                Ok(()) if self.batch.is_empty() => return Ok(Read::Whole),
                Ok(()) => {
                    self.batch_bytes = 0;
                    self.list.asking.activity().read(self.batch.len());
                    return Ok(Read::Batch(std::mem::take(&mut self.batch)));
                }
                Err(failed) => {
                    self.forget_page();
                    self.list.asking.wait_to_retry(failed).await?;
                }
            }
        }
    }

    /// Drops what was read of a page that failed: it is read again, and what a broken answer held is not to be believed.
    fn forget_page(&mut self) {
        self.note_page();
        let kept = self.batch.len().saturating_sub(self.of_page);
        let dropped: usize = self.batch.drain(kept..).map(|event| event.bytes.len()).sum();
        self.batch_bytes -= dropped;
        self.of_page = 0;
    }

    /// Counts `of_page` anew where a page was turned since the last event: what the batch has from before was read whole,
    /// and stays even if the new page breaks before its first event.
    fn note_page(&mut self) {
        if self.page_of_last_event != self.list.pages_behind {
            self.page_of_last_event = self.list.pages_behind;
            self.of_page = 0;
        }
    }

    /// What reading took so far.
    pub fn cost(&self) -> Cost {
        self.list.asking.cost()
    }

    /// Reads as many events as make a batch, or up to the end of the list.
    async fn fill_batch(&mut self) -> Result<(), Failed> {
        while self.batch.len() < BATCH_EVENTS && self.batch_bytes < BATCH_BYTES {
            let Some(element) = self.list.next_element().await? else { break };
            let event = Event::from_bytes(element).map_err(|fault| self.list.give_up_page(fault.into()))?;
            self.note_page();
            self.of_page += 1;
            self.batch_bytes += event.bytes.len();
            self.batch.push(event);
            if self.batch.len().is_multiple_of(EVENTS_AT_A_STRETCH) {
                yield_now().await;
            }
        }
        Ok(())
    }
}

impl<'c> ListReader<'c> {
    pub(super) fn new(client: &'c Client, url: Url, asker: Asker) -> Self {
        Self {
            asking: Asking::new(client, url, asker),
            range: None,
            ranges_seen: HashSet::new(),
            pages_seen: HashMap::new(),
            pages_behind: 0,
            elements_behind: 0,
            page: None,
            ended: false,
        }
    }

    /// The whole of a short list.
    pub(super) async fn read_all<T: DeserializeOwned>(mut self, cost: &mut Cost) -> Result<Vec<T>, Error> {
        let mut elements = Vec::new();
        let all = loop {
            match self.fill(&mut elements).await {
                Ok(()) => break Ok(elements),
                Err(failed) => match self.asking.wait_to_retry(failed).await {
                    // The page that failed is read again, so that what it brought must not count twice.
                    Ok(()) => elements.truncate(self.elements_behind),
                    Err(error) => break Err(error),
                },
            }
        };
        *cost += self.asking.cost();
        all
    }

    async fn fill<T: DeserializeOwned>(&mut self, elements: &mut Vec<T>) -> Result<(), Failed> {
        while let Some(element) = self.next_element().await? {
            let parsed = serde_json::from_slice(&element).map_err(|fault| {
                let fault = shape(&fault, self.asking.token());
                self.give_up_page(fault)
            })?;
            elements.push(parsed);
        }
        Ok(())
    }

    /// The next element of the list, on whichever page it is; `None` at its end.
    async fn next_element(&mut self) -> Result<Option<Bytes>, Failed> {
        while !self.ended {
            if self.page.is_none() {
                self.page = Some(self.open_page().await?);
            }
            let page = self.page.as_mut().expect("a page was opened");
            match page.next_element().await {
                Ok(Some(element)) => return Ok(Some(element)),
                Ok(None) => self.turn_page()?,
                Err(fault) => return Err(self.give_up_page(fault)),
            }
        }
        Ok(None)
    }

    async fn open_page(&mut self) -> Result<Page, Failed> {
        self.asking.send(self.range.as_deref()).await.map(Page::new)
    }

    /// Leaves a page that was read whole for the next one, or ends the list.
    fn turn_page(&mut self) -> Result<(), Failed> {
        let page = self.page.as_ref().expect("a page is open");
        // Whatever the ranges are called, a page that was there before leads in a circle.
        let fingerprint = page.fingerprint();
        let alike = self.pages_seen.get(&fingerprint).copied().unwrap_or(0);
        let is_new = alike == 0 || page.elements() < 2 && alike < SHORT_PAGES_ALIKE;
        match page.next_range().clone() {
            NextRange::End => self.ended = true,
            NextRange::Next(range) if is_new && self.ranges_seen.insert(range.clone()) => {
                // Not before it is left: one that can't be left is read again, and must not pass for its own twin.
                self.pages_seen.insert(fingerprint, alike + 1);
                self.range = Some(with_page_size(&range, self.asking.page_size()));
            }
            NextRange::Next(_) | NextRange::Unknown => return Err(self.give_up_page(Fault::NoWayOn)),
        }
        self.pages_behind += 1;
        self.elements_behind += page.elements();
        self.page = None;
        self.asking.answered();
        self.asking.activity().turned_page();
        Ok(())
    }

    /// Closes the open page for `fault`, so that it is asked for again from its start.
    fn give_up_page(&mut self, fault: Fault) -> Failed {
        let request_id = self.page.take().and_then(|page| page.request_id(self.asking.token()));
        Failed { fault, request_id }
    }
}
