//! The client of Heroku's API: its connections, the budget of each token, and whether there is an
//! outage.
//!
//! A [`Session`](super::Session) sends its requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use reqwest::Url;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use tokio::sync::watch;

use super::budget::{Budget, Waiting};
use super::hint::Class;
use crate::config::{Api, Retry, Source, Token, Tokens};
use crate::http::{self, SetupError};
use crate::retry::Attempts;

/// An outage begins after this many requests in a row exhausted their policy. During an outage,
/// each further request gets one attempt.
const OUTAGE_AFTER: u32 = 3;

/// A client of Heroku's API. Clones share connections, budgets and outage.
#[derive(Debug, Clone)]
pub(crate) struct Client(Arc<ClientState>);

#[derive(Debug)]
struct ClientState {
    http: reqwest::Client,
    /// For files on other hosts; built when the first one is downloaded.
    files: OnceLock<reqwest::Client>,
    api: Api,
    budgets: HashMap<Token, Arc<Budget>>,
    waiting: Waiting,
    /// How many requests in a row exhausted their policy.
    exhausted: AtomicU32,
}

impl Client {
    /// A client for `sources`, with one budget for each different token among `tokens`.
    pub(crate) fn new<'a>(
        api: &Api,
        sources: impl IntoIterator<Item = &'a Source>,
        tokens: &Tokens,
    ) -> Result<Self, SetupError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.heroku+json; version=3"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let http = http::client(&api.base_url, |builder| {
            builder.connect_timeout(api.connect_timeout).default_headers(headers.clone())
        })?;
        let waiting = Waiting::new();
        let budgets = sources
            .into_iter()
            .filter_map(|source| {
                let token = tokens.of(source).ok()?;
                Some((token.clone(), Arc::new(Budget::new(&source.rate_limit, &waiting))))
            })
            .collect();
        Ok(Self(Arc::new(ClientState {
            http,
            files: OnceLock::new(),
            api: api.clone(),
            budgets,
            waiting,
            exhausted: AtomicU32::new(0),
        })))
    }

    /// How many requests wait for their token's budget, and the changes of that number.
    pub(crate) fn waiting(&self) -> watch::Receiver<usize> {
        self.0.waiting.subscribe()
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    pub(super) fn api(&self) -> &Api {
        &self.0.api
    }

    /// The client for files on other hosts. It sends none of the API's headers, and its timeout
    /// applies to each part of a file.
    pub(super) fn files(&self) -> reqwest::Result<&reqwest::Client> {
        if let Some(files) = self.0.files.get() {
            return Ok(files);
        }
        let api = self.api();
        let files = http::client(&api.base_url, |builder| {
            builder.connect_timeout(api.connect_timeout).read_timeout(api.request_timeout)
        })
        .map_err(SetupError::into_source)?;
        Ok(self.0.files.get_or_init(|| files))
    }

    /// The address of `path`, given by its segments, below the base URL.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.api().base_url.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(path);
        url
    }

    pub(super) fn budget(&self, token: &Token) -> Arc<Budget> {
        Arc::clone(self.0.budgets.get(token).expect("a budget for each source's token"))
    }

    /// The attempts at the next request: one during an outage, otherwise as `policy` says.
    pub(super) fn attempts(&self, token: &Token, policy: &Retry) -> Attempts {
        let attempts = Attempts::new(policy);
        if self.in_outage(token) { attempts.only_one() } else { attempts }
    }

    /// Whether Heroku, or the limit of this token, is in an outage.
    pub(super) fn in_outage(&self, token: &Token) -> bool {
        self.0.exhausted.load(Ordering::Relaxed) >= OUTAGE_AFTER
            || self.budget(token).exhausted() >= OUTAGE_AFTER
    }

    /// Ends an outage: Heroku answered a request of this token.
    pub(super) fn note_answer(&self, token: &Token) {
        self.0.exhausted.store(0, Ordering::Relaxed);
        self.budget(token).note_answer();
    }

    /// Notes that a request of this token exhausted its policy, failing with `class`.
    pub(super) fn note_exhausted(&self, token: &Token, class: Class) {
        match class {
            Class::Limited => self.budget(token).note_exhausted(),
            Class::Passing | Class::Lasting => _ = self.0.exhausted.fetch_add(1, Ordering::Relaxed),
        }
    }
}
