//! Reads a list to its end, page after page. Each page is retried by the policy.
//!
//! A page that fails is read again from its start, so the same element may come twice. The end is
//! reported only after the last page was read completely, and only if each page continued the list;
//! see `continuation`.

use bytes::Bytes;
use chrono::NaiveDate;
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::task::yield_now;

use super::call::Call;
use super::continuation::{Continuation, Discontinued, NextStep};
use super::fault::{Error, Fault};
use super::page::{Page, with_page_size};
use super::session::Session;
use crate::config::Filter;
use crate::event::Event;

/// The most events in a batch.
pub(super) const BATCH_EVENTS: usize = 2000;
/// The bytes at which a batch is full. One event may exceed them.
pub(super) const BATCH_BYTES: usize = 1024 * 1024;

/// Yield after this many events so that the previous batch can be written.
const EVENTS_BEFORE_YIELD: usize = 32;

/// Some consecutive events.
pub(crate) type Batch = Vec<Event>;

/// The events of one day, as they are requested. Several sources may share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DayQuery {
    /// The enterprise account's name or id.
    pub(crate) account: String,
    /// The filter that Heroku applies.
    pub(crate) filter: Filter,
    /// The UTC date.
    pub(crate) date: NaiveDate,
}

/// One step of reading a day.
#[derive(Debug)]
pub(crate) enum Read {
    /// Some events. The same event may come again.
    Batch(Batch),
    /// The end of the day: every page was read completely.
    Complete,
}

/// Reads the events of a day, a batch at a time.
#[derive(Debug)]
pub(crate) struct DayReader {
    list: ListReader,
    /// The events since the last batch. They outlive a failed attempt: some may be from a page that
    /// was read completely and is not requested again.
    batch: Batch,
    batch_bytes: usize,
    /// How many events were read of the open page. The last ones are in `batch`.
    of_page: usize,
    /// How many pages were finished before the page of the last event.
    page_of_last_event: usize,
}

/// Reads the elements of a list.
#[derive(Debug)]
pub(super) struct ListReader {
    call: Call,
    url: Url,
    /// The same list in descending order, if it can confirm the end.
    descending: Option<Url>,
    /// The `Range` of the page to read; the first page has none.
    range: Option<String>,
    continuation: Continuation,
    finished_pages: usize,
    /// How many elements the finished pages hold.
    finished_elements: usize,
    position: Position,
}

/// The position of a list reader in its list.
#[derive(Debug)]
enum Position {
    BeforePage,
    OnPage(Box<Page>),
    /// After an empty page, which is the end if the descending list confirms it.
    Unconfirmed,
    End,
}

/// An element of a short list, which is read at once.
pub(super) trait Element: DeserializeOwned {
    /// Its id, which no other element of the list has.
    fn id(&self) -> &str;
}

impl Session {
    /// Reads the events of one day, a batch at a time.
    pub(crate) fn read_day(&self, query: &DayQuery) -> DayReader {
        let list = ListReader::new(self, self.events_url(query, "asc"));
        DayReader::new(ListReader { descending: Some(self.events_url(query, "desc")), ..list })
    }

    fn events_url(&self, query: &DayQuery, order: &str) -> Url {
        let mut url = self.client().url(&["enterprise-accounts", &query.account, "events"]);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("day", &query.date.to_string()).append_pair("order", order);
            for (name, value) in [
                ("type", &query.filter.r#type),
                ("action", &query.filter.action),
                ("actor", &query.filter.actor),
            ] {
                if let Some(value) = value {
                    pairs.append_pair(name, value);
                }
            }
        }
        url
    }
}

impl DayReader {
    fn new(list: ListReader) -> Self {
        Self { list, batch: Batch::new(), batch_bytes: 0, of_page: 0, page_of_last_event: 0 }
    }

    /// The next events, or the end of the day. Don't call it again after an error.
    pub(crate) async fn next(&mut self) -> Result<Read, Error> {
        loop {
            match self.fill_batch().await {
                Ok(()) if self.batch.is_empty() => return Ok(Read::Complete),
                Ok(()) => {
                    self.batch_bytes = 0;
                    self.list.call.session().activity().add_events(self.batch.len());
                    return Ok(Read::Batch(std::mem::take(&mut self.batch)));
                }
                Err(fault) => {
                    self.drop_page();
                    self.list.call.wait_to_retry(fault).await?;
                }
            }
        }
    }

    /// Heroku's id of the request for the last page.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.list.call.request_id()
    }

    /// Drops the events of a page that failed. It is read again, and a broken response proves
    /// nothing.
    fn drop_page(&mut self) {
        self.note_page();
        let kept = self.batch.len().saturating_sub(self.of_page);
        let dropped: usize = self.batch.drain(kept..).map(|event| event.bytes.len()).sum();
        self.batch_bytes -= dropped;
        self.of_page = 0;
    }

    /// Restarts `of_page` if a page was finished since the last event. The earlier events in the
    /// batch then stay, even if the new page fails before its first event.
    fn note_page(&mut self) {
        if self.page_of_last_event != self.list.finished_pages {
            self.page_of_last_event = self.list.finished_pages;
            self.of_page = 0;
        }
    }

    /// Reads events until the batch is full or the list ends.
    async fn fill_batch(&mut self) -> Result<(), Fault> {
        while self.batch.len() < BATCH_EVENTS && self.batch_bytes < BATCH_BYTES {
            let Some(element) = self.list.next_element().await? else { break };
            let event =
                Event::from_bytes(element).map_err(|error| self.list.close_page(error.into()))?;
            self.list.continuation.note(&event.id);
            self.note_page();
            self.of_page += 1;
            self.batch_bytes += event.bytes.len();
            self.batch.push(event);
            if self.batch.len().is_multiple_of(EVENTS_BEFORE_YIELD) {
                yield_now().await;
            }
        }
        Ok(())
    }
}

impl ListReader {
    /// A reader before the first page of the list at `url`.
    pub(super) fn new(session: &Session, url: Url) -> Self {
        Self {
            call: Call::new(session, url.clone()),
            url,
            descending: None,
            range: None,
            continuation: Continuation::default(),
            finished_pages: 0,
            finished_elements: 0,
            position: Position::BeforePage,
        }
    }

    /// Reads a short list to its end.
    pub(super) async fn read_all<T: Element>(mut self) -> Result<Vec<T>, Error> {
        let mut elements = Vec::new();
        while let Err(fault) = self.fill(&mut elements).await {
            self.call.wait_to_retry(fault).await?;
            // The failed page is read again, so its elements must not count twice.
            elements.truncate(self.finished_elements);
        }
        Ok(elements)
    }

    async fn fill<T: Element>(&mut self, elements: &mut Vec<T>) -> Result<(), Fault> {
        while let Some(element) = self.next_element().await? {
            let parsed: T = serde_json::from_slice(&element).map_err(|error| {
                let fault = Fault::shape(&error, self.call.session().token());
                self.close_page(fault)
            })?;
            self.continuation.note(parsed.id());
            elements.push(parsed);
        }
        Ok(())
    }

    /// The next element of the list; `None` at its end.
    ///
    /// The caller notes the element in `continuation` before it asks for another.
    async fn next_element(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match &mut self.position {
                Position::BeforePage => {
                    self.call.set_url(&self.url);
                    let answer = self.call.send(self.range.as_deref()).await?;
                    let page = Page::new(answer, self.call.session().token());
                    self.continuation.open(page.next_range());
                    self.position = Position::OnPage(Box::new(page));
                }
                Position::OnPage(page) => match page.next_element().await {
                    Ok(Some(element)) => return Ok(Some(element)),
                    Ok(None) => self.finish_page()?,
                    Err(fault) => return Err(self.close_page(fault)),
                },
                Position::Unconfirmed => self.confirm_end().await?,
                Position::End => return Ok(None),
            }
        }
    }

    /// Finishes a page that was read completely.
    fn finish_page(&mut self) -> Result<(), Fault> {
        let Position::OnPage(page) = &self.position else { unreachable!("a page is open") };
        let (elements, step) = (page.elements(), self.continuation.finish_page(page.next_range()));
        match step {
            Ok(NextStep::End) => self.leave_page(elements, Position::End),
            Ok(NextStep::NextPage(range)) => {
                let page_size = self.call.session().client().api().page_size;
                self.range = Some(with_page_size(&range, page_size));
                self.leave_page(elements, Position::BeforePage);
            }
            // The page counts as read only once the end is confirmed.
            Ok(NextStep::ConfirmEnd) if self.descending.is_some() => {
                self.position = Position::Unconfirmed;
            }
            Ok(NextStep::ConfirmEnd) => return Err(self.close_page(Discontinued::Empty.into())),
            Err(fault) => return Err(self.close_page(fault.into())),
        }
        Ok(())
    }

    fn leave_page(&mut self, elements: usize, position: Position) {
        self.finished_pages += 1;
        self.finished_elements += elements;
        self.position = position;
        self.call.note_success();
        self.call.session().activity().add_page();
    }

    /// Asks the descending list whether the list ends with the empty page that was read.
    ///
    /// If the descending list fails, it is requested again. If it contradicts the end, the empty
    /// page is requested again.
    async fn confirm_end(&mut self) -> Result<(), Fault> {
        if let Some(descending) = &self.descending {
            self.call.set_url(descending);
        }
        let answer = self.call.send(None).await?;
        let mut page = Page::new(answer, self.call.session().token());
        let mut contradiction = None;
        while let Some(element) = page.next_element().await? {
            if self.continuation.is_new(&Event::from_bytes(element)?.id) {
                contradiction = Some(Discontinued::Unread);
                break;
            }
        }
        if page.elements() == 0 && self.continuation.has_read() {
            contradiction = Some(Discontinued::EmptyDescending);
        }
        let Some(contradiction) = contradiction else {
            self.leave_page(0, Position::End);
            return Ok(());
        };
        self.position = Position::BeforePage;
        self.call.set_url(&self.url);
        Err(contradiction.into())
    }

    /// Closes the open page because of `fault`. It is requested again from its start.
    fn close_page(&mut self, fault: Fault) -> Fault {
        self.position = Position::BeforePage;
        fault
    }
}
