//! One question to Heroku: asked within its token's budget, and again by the policy as long as it fails in passing.

use reqwest::Url;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::answer::{Class, Error, Fault};
use super::budget::StillLimited;
use super::request::{Answer, Failed, Request};
use super::{Activity, Client, Session};
use crate::config::Token;
use crate::retry::Attempts;

/// What reading takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests that were sent.
    pub requests: u32,
    /// How many of them repeated one that had failed.
    pub retries: u32,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.retries += more.retries;
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Call<'c> {
    client: &'c Client,
    url: Url,
    asker: Session,
    attempts: Attempts,
    in_outage: bool,
    cost: Cost,
}

impl<'c> Call<'c> {
    /// A question that was not asked yet.
    pub(super) fn new(client: &'c Client, url: Url, asker: Session) -> Self {
        let (attempts, in_outage) = (client.attempts(&asker), client.in_outage(&asker.token));
        Self { client, url, asker, attempts, in_outage, cost: Cost::default() }
    }

    /// Who asks.
    pub(super) fn token(&self) -> &Token {
        &self.asker.token
    }

    /// How many elements a page is to have.
    pub(super) fn page_size(&self) -> u32 {
        self.client.api.page_size
    }

    /// Who looks on.
    pub(super) fn activity(&self) -> &Activity {
        &self.asker.activity
    }

    /// What asking took so far.
    pub(super) fn cost(&self) -> Cost {
        self.cost
    }

    /// Asks for a single object, as often as the policy allows.
    pub(super) async fn object<T: DeserializeOwned>(mut self, cost: &mut Cost) -> Result<T, Error> {
        let object = loop {
            match self.try_object().await {
                Ok(object) => break Ok(object),
                Err(failed) => {
                    if let Err(error) = self.wait_to_retry(failed).await {
                        break Err(error);
                    }
                }
            }
        };
        *cost += self.cost;
        object
    }

    async fn try_object<T: DeserializeOwned>(&mut self) -> Result<T, Failed> {
        let mut answer = self.send(None).await?;
        let request_id = answer.request_id(&self.asker.token);
        let object =
            answer.object(&self.asker.token).await.map_err(|fault| Failed { fault, request_id })?;
        self.answered();
        Ok(object)
    }

    /// Asks at another address from now on.
    pub(super) fn turn_to(&mut self, url: &Url) {
        self.url = url.clone();
    }

    /// Asks once: for the part of a list that `range` names, or without one for its first page or for an object.
    pub(super) async fn send(&mut self, range: Option<&str>) -> Result<Answer, Failed> {
        let budget = self.client.budget(&self.asker.token);
        let still_limited =
            |StillLimited(wait)| Failed { fault: Fault::StillLimited(wait), request_id: None };
        self.asker.activity.asks_budget();
        budget.admit(self.asker.retry.max_elapsed).await.map_err(still_limited)?;
        if self.attempts.made() == 1 {
            // The policy's time begins with the first request, not with the wait for the budget; and while that went on, an
            // outage may have begun or ended.
            self.attempts = self.client.attempts(&self.asker);
            self.in_outage = self.client.in_outage(&self.asker.token);
        }
        self.asker.activity.asks_heroku();
        self.cost.requests += 1;
        Request {
            http: &self.client.http,
            url: &self.url,
            token: &self.asker.token,
            budget: &budget,
            range,
            timeout: self.client.api.request_timeout,
        }
        .send()
        .await
    }

    /// Notes a whole answer: what is asked next has all its attempts before it.
    pub(super) fn answered(&mut self) {
        self.client.note_answer(&self.asker.token);
        self.attempts = self.client.attempts(&self.asker);
        self.in_outage = false;
    }

    /// After a failure: waits as the policy says for another attempt, or gives the error to report.
    pub(super) async fn wait_to_retry(
        &mut self,
        Failed { fault, request_id }: Failed,
    ) -> Result<(), Error> {
        let class = fault.class();
        if class == Class::Lasting {
            self.client.note_answer(&self.asker.token);
            return Err(self.error(fault, request_id));
        }
        let Some(delay) = self.attempts.next_delay(fault.retry_after()) else {
            self.client.note_exhausted(&self.asker.token, class);
            if let (Class::Limited, Some(wait)) = (class, fault.retry_after()) {
                self.client.budget(&self.asker.token).limit_for(wait);
            }
            return Err(self.error(fault, request_id));
        };
        self.asker.activity.retries_in(delay);
        let wait =
            humantime::format_duration(std::time::Duration::from_millis(delay.as_millis() as u64));
        let request = self.request();
        if class == Class::Limited {
            warn!(%request, request_id, %wait, "Heroku limits this token; waiting: {fault}");
            self.client.budget(&self.asker.token).slow_down(delay);
        } else {
            warn!(%request, request_id, %wait, attempt = self.attempts.made(), "trying again: {fault}");
            tokio::time::sleep(delay).await;
        }
        self.cost.retries += 1;
        Ok(())
    }

    fn error(&self, fault: Fault, request_id: Option<String>) -> Error {
        Error {
            request: self.request(),
            fault,
            request_id,
            attempts: self.attempts.made(),
            elapsed: self.attempts.elapsed(),
            in_outage: self.in_outage,
        }
    }

    fn request(&self) -> String {
        match self.url.query() {
            Some(query) => format!("GET {}?{query}", self.url.path()),
            None => format!("GET {}", self.url.path()),
        }
    }
}
