//! One call of the API: sent within its token's budget, and retried by the policy.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RANGE};
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use super::answer::{Answer, header};
use super::budget::{Budget, StillLimited};
use super::fault::{Error, Fault};
use super::hint::Class;
use super::sanitize::sanitize;
use super::session::Session;
use crate::config::Token;
use crate::retry::Attempts;

/// A call of the API: one object, or one list with all its pages.
#[derive(Debug)]
pub(super) struct Call {
    session: Session,
    url: Url,
    attempts: Attempts,
    in_outage: bool,
    /// The `Request-Id` of the last response.
    request_id: Option<String>,
}

impl Call {
    /// A call at `url` that was not sent yet.
    pub(super) fn new(session: &Session, url: Url) -> Self {
        Self {
            attempts: session.attempts(),
            in_outage: session.in_outage(),
            session: session.clone(),
            url,
            request_id: None,
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The `Request-Id` of the last response.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Changes the address of further attempts.
    pub(super) fn set_url(&mut self, url: &Url) {
        self.url = url.clone();
    }

    /// Reads a single object, and retries by the policy.
    pub(super) async fn object<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        loop {
            match self.try_object().await {
                Ok(object) => return Ok(object),
                Err(fault) => self.wait_to_retry(fault).await?,
            }
        }
    }

    async fn try_object<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        let mut answer = self.send(None).await?;
        let object = answer.object(self.session.token()).await?;
        self.note_success();
        Ok(object)
    }

    /// Makes one attempt and gives the response up to its body.
    ///
    /// `range` names a page of a list. The first page and an object have none.
    pub(super) async fn send(&mut self, range: Option<&str>) -> Result<Answer, Fault> {
        self.request_id = None;
        let (session, client) = (&self.session, self.session.client());
        let budget = client.budget(session.token());
        session.activity().wait_for_budget();
        budget
            .admit(session.retry().max_elapsed)
            .await
            .map_err(|StillLimited(wait)| Fault::StillLimited(wait))?;
        if self.attempts.made() == 1 {
            // The policy's time begins with the first request, not with the wait for the budget.
            // During that wait, an outage may have begun or ended.
            self.attempts = session.attempts();
            self.in_outage = session.in_outage();
        }
        session.activity().wait_for_answer();
        session.add_requests(1);
        let token = session.token();
        let mut request = client.http().get(self.url.clone()).header(AUTHORIZATION, bearer(token));
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        let answer = Answer::to(request, token, client.api().request_timeout).await?;
        self.request_id = answer.request_id(token);
        note_headers(answer.headers(), &budget, self.url.path(), token);
        let status = answer.status().as_u16();
        debug!(status, request_id = self.request_id, "Heroku answered");
        answer.checked(token).await
    }

    /// Notes a complete response. The next request has all its attempts again.
    pub(super) fn note_success(&mut self) {
        self.session.client().note_answer(self.session.token());
        self.attempts = self.session.attempts();
        self.in_outage = false;
    }

    /// After a failed attempt: waits until the next one, or gives up with the error to report.
    pub(super) async fn wait_to_retry(&mut self, fault: Fault) -> Result<(), Error> {
        let (client, token) = (self.session.client(), self.session.token());
        let class = fault.class();
        if class == Class::Lasting {
            client.note_answer(token);
            return Err(self.error(fault));
        }
        let Some(delay) = self.attempts.next_delay(fault.retry_after()) else {
            client.note_exhausted(token, class);
            if let (Class::Limited, Some(wait)) = (class, fault.retry_after()) {
                client.budget(token).limit_for(wait);
            }
            return Err(self.error(fault));
        };
        self.session.activity().wait_for_retry(delay);
        let wait = humantime::format_duration(Duration::from_millis(delay.as_millis() as u64));
        let (request, request_id) = (self.request(), &self.request_id);
        if class == Class::Limited {
            warn!(%request, request_id, %wait, "Heroku limits this token; waiting: {fault}");
            client.budget(token).slow_down(delay);
        } else {
            let attempt = self.attempts.made();
            warn!(%request, request_id, %wait, attempt, "retrying: {fault}");
            tokio::time::sleep(delay).await;
        }
        self.session.add_retry();
        Ok(())
    }

    fn error(&self, fault: Fault) -> Error {
        Error {
            request: self.request(),
            fault,
            request_id: self.request_id.clone(),
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

/// Notes the remaining quota and logs Heroku's warnings.
fn note_headers(headers: &HeaderMap, budget: &Budget, path: &str, token: &Token) {
    if let Some(remaining) =
        header(headers, "RateLimit-Remaining").and_then(|value| value.trim().parse().ok())
    {
        budget.observe_remaining(remaining);
    }
    for name in ["X-Heroku-Warning", "Warning-Message"] {
        for value in headers.get_all(name) {
            let text = sanitize(&String::from_utf8_lossy(value.as_bytes()), token);
            warn!(path, "Heroku warns: {text}");
        }
    }
}

fn bearer(token: &Token) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .expect("checked with the file");
    value.set_sensitive(true);
    value
}
