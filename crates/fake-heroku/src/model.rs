//! The data of the fake Heroku: people, tokens, accounts, teams, days and archives.
//!
//! This module does not know HTTP. It keeps the bytes of an event unchanged, and clones of a
//! [`Day`] share them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::archive::{self, Archive, Month};
use crate::event::Keys;
use crate::generate::{self, Issuer};

/// A person with a Heroku account. Heroku counts the API's quota per user, not per token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct User {
    /// A UUID.
    pub id: String,
    /// The email address. Tokens and members refer to it.
    pub email: String,
}

/// An API token and its owner.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Token {
    /// The text after `Bearer `, or the password of `Basic`.
    pub token: String,
    /// The owner's email address.
    pub user: String,
    /// The environment variable under which the program `fake-heroku` prints this token.
    pub env: Option<String>,
}

/// A user's membership in an enterprise account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Member {
    /// The user's email address.
    pub user: String,
    /// Any of `view`, `create`, `manage`, `billing`. Audit trails require `manage`.
    pub permissions: Vec<String>,
}

/// An enterprise account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Account {
    /// A UUID.
    pub id: String,
    /// The unique name.
    pub name: String,
    /// Who may see it. For all others it does not exist.
    pub members: Vec<Member>,
}

impl Account {
    /// A user's permissions in this account. Empty for a user who is not a member.
    pub fn permissions(&self, email: &str) -> &[String] {
        self.members
            .iter()
            .find(|member| member.user == email)
            .map_or(&[], |member| &member.permissions)
    }
}

/// A team, in an enterprise account or on its own.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Team {
    /// A UUID.
    pub id: String,
    /// The unique name.
    pub name: String,
    /// The name of its account. `None` for a plain Heroku team, which has no audit trail.
    pub enterprise_account: Option<String>,
    /// Email addresses of those who may see a plain team. The account's members see the account's
    /// teams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// The people and what they may see: the content of `fixtures/accounts.json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Directory {
    /// All users.
    pub users: Vec<User>,
    /// All valid tokens.
    pub tokens: Vec<Token>,
    /// The enterprise accounts.
    pub enterprise_accounts: Vec<Account>,
    /// The teams.
    pub teams: Vec<Team>,
}

/// The events of one account and date, in the order of `order=asc`.
#[derive(Clone, Debug)]
pub enum Day {
    /// Stored events.
    Stored(Arc<Vec<Bytes>>),
    /// Events generated on demand, always the same ones, so that a million of them takes no memory.
    Generated {
        /// The account that the events describe.
        issuer: Arc<Issuer>,
        /// The date of the events.
        date: NaiveDate,
        /// The number of events.
        count: usize,
    },
}

impl Day {
    /// The number of events.
    pub fn len(&self) -> usize {
        match self {
            Self::Stored(events) => events.len(),
            Self::Generated { count, .. } => *count,
        }
    }

    /// Whether the day has no events.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the event at this position, which must be less than [`Day::len`].
    pub fn event(&self, position: usize) -> Bytes {
        match self {
            Self::Stored(events) => events[position].clone(),
            Self::Generated { issuer, date, count } => {
                generate::event(issuer, *date, position, *count)
            }
        }
    }

    /// All events, in order.
    pub fn events(&self) -> impl Iterator<Item = Bytes> + '_ {
        (0..self.len()).map(|position| self.event(position))
    }

    fn stored(&mut self) -> &mut Vec<Bytes> {
        if let Self::Generated { .. } = self {
            *self = Self::from(self.events().collect::<Vec<_>>());
        }
        match self {
            Self::Stored(events) => Arc::make_mut(events),
            Self::Generated { .. } => unreachable!("just replaced"),
        }
    }
}

impl From<Vec<Bytes>> for Day {
    fn from(events: Vec<Bytes>) -> Self {
        Self::Stored(Arc::new(events))
    }
}

/// All data of the fake. A name or an id identifies an account, as in Heroku's addresses.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The people and what they may see.
    pub directory: Directory,
    pub(crate) days: BTreeMap<(String, NaiveDate), Day>,
    pub(crate) archives: BTreeMap<(String, Month), Archive>,
    pub(crate) every_day: BTreeMap<String, usize>,
}

impl Model {
    /// The account of this name or id.
    pub fn account(&self, name_or_id: &str) -> Option<&Account> {
        self.directory.enterprise_accounts.iter().find(|account| {
            account.name == name_or_id || account.id.eq_ignore_ascii_case(name_or_id)
        })
    }

    /// The team of this name or id.
    pub fn team(&self, name_or_id: &str) -> Option<&Team> {
        self.directory
            .teams
            .iter()
            .find(|team| team.name == name_or_id || team.id.eq_ignore_ascii_case(name_or_id))
    }

    /// The owner of a valid token.
    pub fn owner(&self, token: &str) -> Option<&User> {
        let token = self.directory.tokens.iter().find(|known| known.token == token)?;
        self.directory.users.iter().find(|user| user.email == token.user)
    }

    /// The events of a day; none for an unknown day.
    pub fn day(&self, account: &str, date: NaiveDate) -> Day {
        let name = self.name_of(account);
        match (self.days.get(&(name.clone(), date)), self.every_day.get(&name)) {
            (Some(day), _) => day.clone(),
            (None, Some(&count)) => self.generated(&name, date, count),
            (None, None) => Day::from(Vec::new()),
        }
    }

    /// Account, date and number of events of each day that was set.
    pub fn days(&self) -> impl Iterator<Item = (&str, NaiveDate, usize)> {
        self.days.iter().map(|((account, date), day)| (account.as_str(), *date, day.len()))
    }

    /// Replace the events of a day.
    pub fn put_day(&mut self, account: &str, date: NaiveDate, day: impl Into<Day>) {
        self.days.insert((self.name_of(account), date), day.into());
    }

    /// Replace the events of a day by `count` synthetic ones, generated on demand.
    pub fn generate_day(&mut self, account: &str, date: NaiveDate, count: usize) {
        let day = self.generated(&self.name_of(account), date, count);
        self.put_day(account, date, day);
    }

    /// Give `count` synthetic events to each date that has no day of its own.
    pub fn generate_every_day(&mut self, account: &str, count: usize) {
        self.every_day.insert(self.name_of(account), count);
    }

    /// Append an event to a day, as a late one.
    pub fn add_event(&mut self, account: &str, date: NaiveDate, event: Bytes) {
        let mut day = self.day(account, date);
        day.stored().push(event);
        self.put_day(account, date, day);
    }

    /// Remove every event with this id, and return how many there were.
    pub fn remove_event(&mut self, account: &str, date: NaiveDate, id: &str) -> usize {
        let mut day = self.day(account, date);
        let before = day.len();
        day.stored().retain(|event| Keys::of(event).id.as_deref() != Some(id));
        let removed = before - day.len();
        self.put_day(account, date, day);
        removed
    }

    /// Set a user's permissions in an account. An empty list ends the membership.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn grant(&mut self, account: &str, email: &str, permissions: &[&str]) {
        let name = self.name_of(account);
        let account =
            self.directory.enterprise_accounts.iter_mut().find(|known| known.name == name);
        let members = &mut account.unwrap_or_else(|| panic!("no account {name}")).members;
        members.retain(|member| member.user != email);
        if !permissions.is_empty() {
            let permissions = permissions.iter().map(ToString::to_string).collect();
            members.push(Member { user: email.to_owned(), permissions });
        }
    }

    /// Make the archive of one month from the account's stored days, in no useful order, like
    /// Heroku's. For the current month it holds the days that are over.
    pub fn make_archive(&mut self, account: &str, month: Month) {
        let name = self.name_of(account);
        let made = archive::made_at(month, Utc::now()).date_naive();
        let is_its = |date: NaiveDate| Month::of(date) == month && date < made;
        let days = self.days.iter().filter(|((owner, date), _)| *owner == name && is_its(*date));
        let events: Vec<Bytes> = days.flat_map(|(_, day)| day.events()).collect();
        self.put_archive(&name, month, archive::pack(&events));
    }

    /// Fill the days from `first` to yesterday with `count` synthetic events each, unless they have
    /// events, and make the archives of their months, the current one included.
    pub fn make_archives_since(&mut self, account: &str, first: NaiveDate, count: usize) {
        let today = Utc::now().date_naive();
        let mut months = Vec::new();
        for date in first.iter_days().take_while(|date| *date < today) {
            if !self.days.contains_key(&(self.name_of(account), date)) {
                self.generate_day(account, date, count);
            }
            months.push(Month::of(date));
        }
        months.push(Month::of(today));
        months.dedup();
        for month in months {
            self.make_archive(account, month);
        }
    }

    /// Remove the archive of a month.
    pub fn remove_archive(&mut self, account: &str, month: Month) {
        let name = self.name_of(account);
        self.archives.remove(&(name, month));
    }

    /// Replace the file of a month's archive, and update its checksum and size.
    pub fn put_archive(&mut self, account: &str, month: Month, file: Bytes) {
        let name = self.name_of(account);
        let archive = Archive::new(&name, month, file);
        self.archives.insert((name, month), archive);
    }

    /// Change the description of a month's archive.
    ///
    /// # Panics
    /// If there is no such archive.
    pub fn change_archive(
        &mut self,
        account: &str,
        month: Month,
        change: impl FnOnce(&mut Archive),
    ) {
        let name = self.name_of(account);
        let archive = self.archives.get_mut(&(name, month));
        change(archive.unwrap_or_else(|| panic!("no archive of {account} {month:?}")));
    }

    /// The archive with this key at the archive host.
    pub(crate) fn download(&self, key: &str) -> Option<&Archive> {
        self.archives.values().find(|archive| archive.key == key)
    }

    pub(crate) fn name_of(&self, account: &str) -> String {
        self.account(account).map_or_else(|| account.to_owned(), |known| known.name.clone())
    }

    fn generated(&self, name: &str, date: NaiveDate, count: usize) -> Day {
        Day::Generated { issuer: Arc::new(self.issuer(name)), date, count }
    }

    fn issuer(&self, name: &str) -> Issuer {
        let teams = self
            .directory
            .teams
            .iter()
            .filter(|team| team.enterprise_account.as_deref() == Some(name));
        Issuer {
            id: self
                .account(name)
                .map_or_else(|| generate::uuid(name), |account| account.id.clone()),
            name: name.to_owned(),
            teams: teams.map(|team| (team.id.clone(), team.name.clone())).collect(),
        }
    }
}
