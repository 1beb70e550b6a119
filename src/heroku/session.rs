//! A session of the API client: the token, the retry policy, the activity and the cost so far.
//!
//! Make one session for each fetch, so that its cost is the cost of that fetch. Each operation is a
//! method of [`Session`], in a file of its subject: `read_day` in `reader`, `teams` and `home` in
//! `team`, `archive` in `archive/fetch`, `archives` in
//! `archive/listed`, `quota`, `user` and `enterprise_account` in `preflight`.

use std::sync::{Arc, Mutex};

use super::activity::Activity;
use super::client::Client;
use crate::config::{Retry, Token};
use crate::retry::Attempts;

/// What the requests of a session cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// How many requests were sent.
    pub(crate) requests: u32,
    /// How many of them repeated a failed one.
    pub(crate) retries: u32,
}

/// A session of the API client. Clones share its cost and its activity.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    client: Client,
    token: Token,
    retry: Retry,
    activity: Activity,
    cost: Arc<Mutex<Cost>>,
}

impl Client {
    /// A new session with `token`, whose requests are retried as `retry` says.
    ///
    /// # Panics
    /// When a request is sent, if `token` is not one of this client's sources.
    pub(crate) fn session(&self, token: &Token, retry: &Retry) -> Session {
        Session {
            client: self.clone(),
            token: token.clone(),
            retry: retry.clone(),
            activity: Activity::default(),
            cost: Arc::default(),
        }
    }
}

impl Session {
    /// The token that its requests carry.
    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// What it is doing right now.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// What it cost so far, failed requests included.
    pub(crate) fn cost(&self) -> Cost {
        *self.cost.lock().expect("no panic while locked")
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn retry(&self) -> &Retry {
        &self.retry
    }

    /// The attempts at the next request.
    pub(super) fn attempts(&self) -> Attempts {
        self.client.attempts(&self.token, &self.retry)
    }

    pub(super) fn in_outage(&self) -> bool {
        self.client.in_outage(&self.token)
    }

    pub(super) fn add_requests(&self, requests: u32) {
        self.cost.lock().expect("no panic while locked").requests += requests;
    }

    pub(super) fn add_retry(&self) {
        self.cost.lock().expect("no panic while locked").retries += 1;
    }
}
