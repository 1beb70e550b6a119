//! Which requests a fault or a hold applies to.

use chrono::NaiveDate;

use crate::journal::{Host, Recorded};

/// A condition on requests, and how often it applies. All its parts must hold.
#[derive(Clone, Debug)]
#[must_use]
pub struct Match {
    host: Host,
    prefix: Option<String>,
    account: Option<String>,
    events: bool,
    day: Option<NaiveDate>,
    page: Option<usize>,
    token: Option<String>,
    pub(crate) uses: Uses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    Times(usize),
    Always,
}

impl Match {
    /// Any request to the API.
    pub fn any() -> Self {
        Self {
            host: Host::Api,
            prefix: None,
            account: None,
            events: false,
            day: None,
            page: None,
            token: None,
            uses: Uses::Times(1),
        }
    }

    /// Requests to the API whose path starts with this prefix.
    pub fn path(prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned()), ..Self::any() }
    }

    /// Requests for events of this account, by its name or by its id.
    pub fn events(account: &str) -> Self {
        Self { account: Some(account.to_owned()), events: true, ..Self::any() }
    }

    /// Downloads from the archive host.
    pub fn download() -> Self {
        Self { host: Host::Archive, ..Self::any() }
    }

    /// Restrict it to this day.
    pub fn day(self, day: NaiveDate) -> Self {
        Self { day: Some(day), ..self }
    }

    /// Restrict it to this page of a day. The first is 1.
    pub fn page(self, page: usize) -> Self {
        Self { page: Some(page), ..self }
    }

    /// Restrict it to this token.
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Apply it to the next `uses` matching requests, instead of one.
    pub fn times(self, uses: usize) -> Self {
        Self { uses: Uses::Times(uses), ..self }
    }

    /// Apply it to every matching request.
    pub fn always(self) -> Self {
        Self { uses: Uses::Always, ..self }
    }

    pub(crate) fn meets(&self, asked: &Recorded) -> bool {
        let is =
            |wanted: &Option<String>, given: &Option<String>| wanted.is_none() || wanted == given;
        self.host == asked.host
            && self.prefix.as_ref().is_none_or(|prefix| asked.path.starts_with(prefix))
            && is(&self.account, &asked.account)
            && is(&self.token, &asked.token)
            && (!self.events || asked.page.is_some())
            && (self.day.is_none() || self.day == asked.day)
            && (self.page.is_none() || self.page == asked.page)
    }
}
