//! Reads a list to its end: page after page, each tried again by the policy.
//!
//! A page that fails half-way is read again from its start, so elements may come twice; whoever stores them must not
//! mind. The end is reported only after the last page was read completely, and only if each page continued the list; see
//! `continuation`.

use bytes::Bytes;
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::task::yield_now;

use super::answer::{Error, Fault, shape};
use super::call::{Call, Cost};
use super::continuation::{Continuation, Discontinued, Turn};
use super::page::{Page, with_page_size};
use super::request::Failed;
use super::{Client, Session, Team};
use crate::event::Event;

/// The most events in a batch.
pub(super) const BATCH_EVENTS: usize = 2000;
/// The bytes at which a batch is full; one event may exceed them.
pub(super) const BATCH_BYTES: usize = 1024 * 1024;

/// After so many events whoever writes the batch before gets a turn, since the database may have answered.
const EVENTS_AT_A_STRETCH: usize = 32;

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
    asking: Call<'c>,
    url: Url,
    /// The same list in descending order, of events, where it can confirm an end.
    witness: Option<Url>,
    /// The `Range` of the page to read; the first has none.
    range: Option<String>,
    continuation: Continuation,
    /// The pages that were left behind, and the elements on them.
    pages_behind: usize,
    elements_behind: usize,
    at: At,
}

/// Where a list reader is in its list.
#[derive(Debug)]
enum At {
    /// Before a page.
    Before,
    /// On a page.
    Page(Box<Page>),
    /// Behind an empty page, which is the end if the witness confirms it.
    Unconfirmed,
    /// Behind the last page.
    End,
}

/// What a short list holds.
pub(super) trait Element: DeserializeOwned {
    /// What tells it from the others.
    fn id(&self) -> &str;
}

impl Element for Team {
    fn id(&self) -> &str {
        &self.id
    }
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
            let event =
                Event::from_bytes(element).map_err(|fault| self.list.give_up_page(fault.into()))?;
            self.list.continuation.note(&event.id);
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
    pub(super) fn new(client: &'c Client, url: Url, asker: Session) -> Self {
        Self {
            asking: Call::new(client, url.clone(), asker),
            url,
            witness: None,
            range: None,
            continuation: Continuation::default(),
            pages_behind: 0,
            elements_behind: 0,
            at: At::Before,
        }
    }

    /// The same for a list of events, which `witness` gives in descending order.
    pub(super) fn with_witness(self, witness: Url) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The elements of a short list, read to its end.
    pub(super) async fn read_all<T: Element>(mut self, cost: &mut Cost) -> Result<Vec<T>, Error> {
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

    async fn fill<T: Element>(&mut self, elements: &mut Vec<T>) -> Result<(), Failed> {
        while let Some(element) = self.next_element().await? {
            let parsed: T = serde_json::from_slice(&element).map_err(|fault| {
                let fault = shape(&fault, self.asking.token());
                self.give_up_page(fault)
            })?;
            self.continuation.note(parsed.id());
            elements.push(parsed);
        }
        Ok(())
    }

    /// The next element of the list, on whichever page it is; `None` at its end. The caller notes its id in
    /// `continuation` before it asks for another.
    async fn next_element(&mut self) -> Result<Option<Bytes>, Failed> {
        loop {
            match &mut self.at {
                At::Before => {
                    self.asking.turn_to(&self.url);
                    let page = self.asking.send(self.range.as_deref()).await.map(Page::new)?;
                    self.continuation.open(page.next_range());
                    self.at = At::Page(Box::new(page));
                }
                At::Page(page) => match page.next_element().await {
                    Ok(Some(element)) => return Ok(Some(element)),
                    Ok(None) => self.turn_page()?,
                    Err(fault) => return Err(self.give_up_page(fault)),
                },
                At::Unconfirmed => self.confirm_end().await?,
                At::End => return Ok(None),
            }
        }
    }

    /// Leaves a page that was read completely for the next one, or ends the list.
    fn turn_page(&mut self) -> Result<(), Failed> {
        let At::Page(page) = &self.at else { unreachable!("a page is open") };
        let (elements, turn) = (page.elements(), self.continuation.turn(page.next_range()));
        match turn {
            Ok(Turn::End) => self.leave_page(elements, At::End),
            Ok(Turn::Next(range)) => {
                self.range = Some(with_page_size(&range, self.asking.page_size()));
                self.leave_page(elements, At::Before);
            }
            // It counts as read once it is confirmed.
            Ok(Turn::Confirm) if self.witness.is_some() => self.at = At::Unconfirmed,
            Ok(Turn::Confirm) => return Err(self.give_up_page(Discontinued::Empty.into())),
            Err(fault) => return Err(self.give_up_page(fault)),
        }
        Ok(())
    }

    fn leave_page(&mut self, elements: usize, at: At) {
        self.pages_behind += 1;
        self.elements_behind += elements;
        self.at = at;
        self.asking.answered();
        self.asking.activity().turned_page();
    }

    /// Asks the witness whether the list ends with the empty page that was read. A witness that fails is asked again; if it
    /// contradicts, the page is.
    async fn confirm_end(&mut self) -> Result<(), Failed> {
        if let Some(witness) = &self.witness {
            self.asking.turn_to(witness);
        }
        let mut page = Page::new(self.asking.send(None).await?);
        let mut contradiction = None;
        loop {
            let event = match page.next_element().await {
                Ok(Some(element)) => Event::from_bytes(element).map_err(Fault::from),
                Ok(None) => break,
                Err(fault) => Err(fault),
            };
            let event = event.map_err(|fault| Failed {
                fault,
                request_id: page.request_id(self.asking.token()),
            })?;
            if self.continuation.is_new(&event.id) {
                contradiction = Some(Discontinued::Unread);
                break;
            }
        }
        if page.elements() == 0 && self.continuation.has_read() {
            contradiction = Some(Discontinued::EmptyWitness);
        }
        let Some(contradiction) = contradiction else {
            self.leave_page(0, At::End);
            return Ok(());
        };
        self.at = At::Before;
        self.asking.turn_to(&self.url);
        let request_id = page.request_id(self.asking.token());
        Err(Failed { fault: contradiction.into(), request_id })
    }

    /// Closes the open page for `fault`, so that it is asked for again from its start.
    fn give_up_page(&mut self, fault: Fault) -> Failed {
        let request_id = match std::mem::replace(&mut self.at, At::Before) {
            At::Page(page) => page.request_id(self.asking.token()),
            _ => None,
        };
        Failed { fault, request_id }
    }
}
