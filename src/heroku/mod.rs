//! Asks Heroku: one client for all sources, which alone knows URLs, headers, pages and error ids.
//!
//! It promises that a day is reported as whole only after its last page was read to its end, that no token's pace is
//! exceeded, that a token goes to the configured host and nowhere else, and that every failure has a class
//! ([`Class`]). It stores nothing.

mod activity;
mod answer;
mod archive;
mod budget;
mod call;
mod coding;
mod continuation;
#[cfg(test)]
mod fuzz;
mod gunzip;
mod list;
mod page;
mod preflight;
mod reader;
mod request;
mod unpack;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chrono::NaiveDate;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Url, redirect};
use serde::Deserialize;
use tokio::sync::watch;

pub use activity::Activity;
pub use answer::{Class, Error, Fault, sanitize};
pub use archive::{Archive, ArchiveError, Astray, FileError, HostFault};
pub use call::Cost;
pub use continuation::Discontinued;
pub use gunzip::BadGzip;
pub use preflight::{EnterpriseAccount, Quota, User};
pub use reader::{Batch, DayReader, Read};
pub use unpack::{Entries, Unreadable};

use crate::config::{Api, Filter, Retry, Source, Token, Tokens};
use crate::retry::Attempts;
use budget::{Budget, Waiting};
use call::Call;
use list::ListSplitter;
use reader::ListReader;

/// After so many requests in a row for which the whole policy was exhausted, each further one gets a single attempt.
const OUTAGE_AFTER: u32 = 3;

/// Heroku's API, as far as its audit trail goes.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    /// For files on other hosts, once there is one.
    files: OnceLock<reqwest::Client>,
    api: Api,
    budgets: HashMap<Token, Arc<Budget>>,
    waiting: Waiting,
    /// Requests in a row that exhausted their policy.
    exhausted: AtomicU32,
}

/// One day's events, as they are asked for: several sources may need the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DayQuery {
    /// The enterprise account's name or id.
    pub account: String,
    /// The filter that Heroku applies.
    pub filter: Filter,
    /// The UTC date.
    pub date: NaiveDate,
}

/// How a query is asked: with which token, and how patiently.
#[derive(Debug, Clone)]
pub struct Session {
    /// The token.
    pub token: Token,
    /// The retry policy.
    pub retry: Retry,
    /// Who looks on.
    pub activity: Activity,
}

impl Session {
    /// Asks with `token`, as patiently as `retry` says.
    pub fn new(token: &Token, retry: &Retry) -> Self {
        Self { token: token.clone(), retry: retry.clone(), activity: Activity::default() }
    }
}

/// A team of an enterprise account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// Its id, which stays when it is renamed.
    pub id: String,
    /// Its present name.
    pub name: String,
}

/// What Heroku says of a team by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Home {
    /// The team's id.
    pub id: String,
    /// Its present name.
    pub name: String,
    /// The enterprise account that it is in; a team of another kind is in none.
    pub enterprise_account: Option<Named>,
}

/// A thing of Heroku's that has a name, and an id that stays when the name changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// The id.
    pub id: Option<String>,
    /// The name.
    pub name: String,
}

impl Named {
    /// Whether the file means this one, by either.
    pub fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id
            || self.id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name_or_id))
    }
}

/// How many elements a list in these chunks has, if it is one: what finds them by itself, for `benches/`.
#[doc(hidden)]
pub fn count_elements(chunks: impl IntoIterator<Item = Bytes>) -> Option<usize> {
    let (mut splitter, mut count) = (ListSplitter::new(), 0);
    for chunk in chunks {
        splitter.push(chunk);
        while splitter.next_element().ok()?.is_some() {
            count += 1;
        }
    }
    splitter.finish().ok().map(|()| count)
}

/// The program's HTTP client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is nothing to verify Heroku with.
    #[error(
        "this machine has no certificates of CAs, so no host can be verified. {}",
        Self::INSTALL
    )]
    NoCertificates(reqwest::Error),
    /// Something else.
    #[error("the HTTP client can't be set up: {0}")]
    Other(reqwest::Error),
}

impl SetupError {
    /// What to do where there are no certificates of CAs.
    pub const INSTALL: &str = "Install them (Debian: `apt-get install ca-certificates`), or set SSL_CERT_FILE to a file of them";
}

impl From<reqwest::Error> for SetupError {
    fn from(failure: reqwest::Error) -> Self {
        // The verifier of the platform says so in words alone.
        let mut source: Option<&dyn std::error::Error> = Some(&failure);
        while let Some(error) = source {
            if error.to_string().contains("No CA certificates") {
                return Self::NoCertificates(failure);
            }
            source = error.source();
        }
        Self::Other(failure)
    }
}

/// A client for `url`. What goes there in the clear needs no certificates of CAs, so a machine without any will do.
pub fn client_for(
    url: &Url,
    builder: impl Fn() -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, SetupError> {
    match builder().build().map_err(SetupError::from) {
        Err(SetupError::NoCertificates(_)) if url.scheme() == "http" => {
            Ok(builder().tls_certs_only([]).build()?)
        }
        built => built,
    }
}

impl Client {
    /// A client for `sources`, with one budget for each value among their `tokens`.
    pub fn new<'a>(
        api: &Api,
        sources: impl IntoIterator<Item = &'a Source>,
        tokens: &Tokens,
    ) -> Result<Self, SetupError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.heroku+json; version=3"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        // Answers are decoded in `coding`, which sees what follows the first member.
        let http =
            client_for(&api.base_url, || http(api).no_gzip().default_headers(headers.clone()))?;
        let waiting = Waiting::new();
        let budgets = sources
            .into_iter()
            .map(|source| {
                (tokens.of(source).clone(), Arc::new(Budget::new(&source.rate_limit, &waiting)))
            })
            .collect();
        Ok(Self {
            http,
            files: OnceLock::new(),
            api: api.clone(),
            budgets,
            waiting,
            exhausted: AtomicU32::new(0),
        })
    }

    /// A client for files on other hosts: it has no header of ours but its name, unpacks nothing, and waits as long for
    /// each part of a file as for a whole answer.
    fn for_files(&self) -> reqwest::Result<&reqwest::Client> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let builder = || http(&self.api).no_gzip().read_timeout(self.api.request_timeout);
        let files = client_for(&self.api.base_url, builder)
            .map_err(|(SetupError::NoCertificates(error) | SetupError::Other(error))| error)?;
        Ok(self.files.get_or_init(|| files))
    }

    /// How many requests wait for their token's budget, and the changes of that number.
    pub fn waiting(&self) -> watch::Receiver<usize> {
        self.waiting.subscribe()
    }

    /// Reads the events of one day, a batch at a time.
    pub fn read_day(&self, query: &DayQuery, asker: &Session) -> DayReader<'_> {
        let list = ListReader::new(self, self.events_url(query, "asc"), asker.clone());
        DayReader::new(list.with_witness(self.events_url(query, "desc")))
    }

    fn events_url(&self, query: &DayQuery, order: &str) -> Url {
        let mut url = self.url(&["enterprise-accounts", &query.account, "events"]);
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

    /// The teams of an enterprise account. The requests that this takes are counted in `cost`.
    pub async fn teams(
        &self,
        account: &str,
        asker: &Session,
        cost: &mut Cost,
    ) -> Result<Vec<Team>, Error> {
        let url = self.url(&["enterprise-accounts", account, "teams"]);
        ListReader::new(self, url, asker.clone()).read_all(cost).await
    }

    /// Where a team belongs, by its name or id.
    pub async fn home(&self, team: &str, asker: &Session, cost: &mut Cost) -> Result<Home, Error> {
        Call::new(self, self.url(&["teams", team]), asker.clone()).object(cost).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.api.base_url.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(path);
        url
    }

    fn budget(&self, token: &Token) -> Arc<Budget> {
        Arc::clone(self.budgets.get(token).expect("a budget for each source's token"))
    }

    fn attempts(&self, asker: &Session) -> Attempts {
        let attempts = Attempts::new(&asker.retry);
        if self.in_outage(&asker.token) { attempts.only_one() } else { attempts }
    }

    /// Whether Heroku, or the limit of this token, exhausted the policy so often in a row that it is not worth another.
    fn in_outage(&self, token: &Token) -> bool {
        self.exhausted.load(Ordering::Relaxed) >= OUTAGE_AFTER
            || self.budget(token).exhausted() >= OUTAGE_AFTER
    }

    /// Notes that a request was answered, so that Heroku is there, and there for this token.
    fn note_answer(&self, token: &Token) {
        self.exhausted.store(0, Ordering::Relaxed);
        self.budget(token).note_answer();
    }

    /// Notes that a request failed as often as its policy allows.
    fn note_exhausted(&self, token: &Token, class: Class) {
        match class {
            Class::Limited => self.budget(token).note_exhausted(),
            Class::Passing | Class::Lasting => _ = self.exhausted.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// What all our clients have in common.
fn http(api: &Api) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder()
        .user_agent(concat!(
            "auditsync/",
            env!("CARGO_PKG_VERSION"),
            " (audit trail to PostgreSQL)"
        ))
        .connect_timeout(api.connect_timeout)
        .redirect(redirect::Policy::none())
        .referer(false);
    // What is on this machine needs no proxy, which would be told the token.
    if api.base_url.scheme() == "http" { client.no_proxy() } else { client }
}
