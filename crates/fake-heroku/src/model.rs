//! What the fake Heroku knows: people, tokens, accounts, teams, days and archives.
//!
//! Plain data with plain changes; nothing here knows HTTP. The bytes of an event are kept as they were given, whatever
//! they are, and a clone of a [`Day`] shares them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::archive::{self, Archive, Month};
use crate::event::Keys;
use crate::generate::{self, Issuer};

/// A person with a Heroku account. The API's quota is counted per user, not per token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct User {
    /// A UUID.
    pub id: String,
    /// The address, which is also the key that tokens and members refer to.
    pub email: String,
}

/// An API token and its owner.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Token {
    /// What stands behind `Bearer `, or is the password of `Basic`.
    pub token: String,
    /// The owner's address.
    pub user: String,
    /// The environment variable under which the program `fake-heroku` prints this token.
    pub env: Option<String>,
}

/// A user's place in an enterprise account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Member {
    /// The user's address.
    pub user: String,
    /// Any of `view`, `create`, `manage`, `billing`. Audit trails ask for `manage`.
    pub permissions: Vec<String>,
}

/// An enterprise account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Account {
    /// A UUID.
    pub id: String,
    /// The unique name.
    pub name: String,
    /// Who may see it. To anyone else it does not exist.
    pub members: Vec<Member>,
}

impl Account {
    /// The permissions that a user has here; empty for one who is no member.
    pub fn permissions(&self, email: &str) -> &[String] {
        self.members
            .iter()
            .find(|member| member.user == email)
            .map_or(&[], |member| &member.permissions)
    }
}

/// A team, inside an enterprise account or by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Team {
    /// A UUID.
    pub id: String,
    /// The unique name.
    pub name: String,
    /// The name of the account it belongs to; `None` for a plain Heroku team, which has no audit trail.
    pub enterprise_account: Option<String>,
    /// Addresses of those who may see a plain team. A team of an account is seen by the account's members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// Who is who: the content of `fixtures/accounts.json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Directory {
    /// Everyone.
    pub users: Vec<User>,
    /// Every valid token.
    pub tokens: Vec<Token>,
    /// The enterprise accounts.
    pub enterprise_accounts: Vec<Account>,
    /// The teams.
    pub teams: Vec<Team>,
}

/// The events of one account and date, in the order in which `order=asc` lists them.
#[derive(Clone, Debug)]
pub enum Day {
    /// Events as they were given.
    Stored(Arc<Vec<Bytes>>),
    /// Events made when they are asked for, always the same ones, so that a million of them takes no memory.
    Generated {
        /// The account that the events tell of.
        issuer: Arc<Issuer>,
        /// The date of the events.
        date: NaiveDate,
        /// How many there are.
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

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the event at this position, which has to be less than [`Day::len`].
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

/// All that the fake knows. Accounts are named by name or by id, as in Heroku's addresses.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Who is who.
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

    /// The owner of a token, if it is a valid one.
    pub fn owner(&self, token: &str) -> Option<&User> {
        let token = self.directory.tokens.iter().find(|known| known.token == token)?;
        self.directory.users.iter().find(|user| user.email == token.user)
    }

    /// The events of a day; none if nothing is known of it.
    pub fn day(&self, account: &str, date: NaiveDate) -> Day {
        let name = self.name_of(account);
        match (self.days.get(&(name.clone(), date)), self.every_day.get(&name)) {
            (Some(day), _) => day.clone(),
            (None, Some(&count)) => self.generated(&name, date, count),
            (None, None) => Day::from(Vec::new()),
        }
    }

    /// Account, date and number of events of each day that it was given.
    pub fn days(&self) -> impl Iterator<Item = (&str, NaiveDate, usize)> {
        self.days.iter().map(|((account, date), day)| (account.as_str(), *date, day.len()))
    }

    /// Sets the whole of a day.
    pub fn put_day(&mut self, account: &str, date: NaiveDate, day: impl Into<Day>) {
        self.days.insert((self.name_of(account), date), day.into());
    }

    /// Sets a day to `count` synthetic events, made when they are asked for.
    pub fn generate_day(&mut self, account: &str, date: NaiveDate, count: usize) {
        let day = self.generated(&self.name_of(account), date, count);
        self.put_day(account, date, day);
    }

    /// Gives each date that has no day of its own `count` synthetic events.
    pub fn generate_every_day(&mut self, account: &str, count: usize) {
        self.every_day.insert(self.name_of(account), count);
    }

    /// Appends an event, as one that comes late.
    pub fn add_event(&mut self, account: &str, date: NaiveDate, event: Bytes) {
        let mut day = self.day(account, date);
        day.stored().push(event);
        self.put_day(account, date, day);
    }

    /// Takes out every event with this id; tells how many there were.
    pub fn remove_event(&mut self, account: &str, date: NaiveDate, id: &str) -> usize {
        let mut day = self.day(account, date);
        let before = day.len();
        day.stored().retain(|event| Keys::of(event).id.as_deref() != Some(id));
        let removed = before - day.len();
        self.put_day(account, date, day);
        removed
    }

    /// Sets what a user may do in an account; no permission at all ends the membership.
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

    /// Makes an archive of an account's stored days of one month, in no useful order, as Heroku's are. Of the present
    /// month it holds the days that are over.
    pub fn make_archive(&mut self, account: &str, month: Month) {
        let name = self.name_of(account);
        let made = archive::made_at(month, Utc::now()).date_naive();
        let is_its = |date: NaiveDate| Month::of(date) == month && date < made;
        let days = self.days.iter().filter(|((owner, date), _)| *owner == name && is_its(*date));
        let events: Vec<Bytes> = days.flat_map(|(_, day)| day.events()).collect();
        self.put_archive(&name, month, archive::pack(&events));
    }

    /// Puts these bytes behind the archive of a month; the checksum and the size follow from them.
    pub fn put_archive(&mut self, account: &str, month: Month, file: Bytes) {
        let name = self.name_of(account);
        let archive = Archive::new(&name, month, file);
        self.archives.insert((name, month), archive);
    }

    /// Changes what is told of a month's archive.
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

    /// The archive whose file the archive host has under this key.
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
