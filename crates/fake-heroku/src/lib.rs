//! A stateful fake of Heroku's Platform API, as far as audit trails go, behind real HTTP on loopback.
//!
//! Tests change what it knows ([`Model`]), script what goes wrong ([`Fault`]), hold requests where order matters
//! ([`Hold`]), and read back what was asked ([`Recorded`]) and the truth ([`FakeHeroku::day`]). A person starts it alone:
//! `cargo run -p fake-heroku -- serve`.
//!
//! Clients besides our own use it: Heroku's command line, its client libraries, curl. It takes what they send, and answers as
//! they expect, as far as Heroku's reference or their code tells.
//!
//! It promises to send the very bytes of each event, to be strict with what clients send, and to say in
//! [`FakeHeroku::violations`] what no client should have sent. Where Heroku documents nothing (whether lists of events
//! come in pages, whether a 429 has a `Retry-After`), it can do either.

mod archive;
mod body;
pub mod corpus;
mod credentials;
mod event;
mod faults;
mod fixtures;
mod gate;
mod generate;
mod http;
mod journal;
mod listing;
mod matching;
mod model;
mod pages;
mod quota;
mod range;
mod refusal;
mod resources;
mod state;
mod storage;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use bytes::Bytes;
use chrono::NaiveDate;
use tokio::runtime::{Builder, Runtime};

pub use archive::{Archive, Month, gzip, pack};
pub use faults::Fault;
pub use fixtures::{Fixtures, gunzip, split};
pub use gate::Hold;
pub use generate::{FREQUENT_ACTOR, Issuer, event, uuid};
pub use journal::{Host, Recorded};
pub use listing::Paging;
pub use matching::Match;
pub use model::{Account, Day, Directory, Member, Model, Team, Token, User};
pub use quota::Quota;

/// A running fake. Clones are handles to the same one; it ends, and cuts its connections, with the last of them.
#[derive(Clone, Debug)]
pub struct FakeHeroku {
    shared: Arc<state::Shared>,
    server: Arc<Server>,
}

/// The servers have threads of their own, so that a test may block while they answer.
#[derive(Debug)]
struct Server {
    runtime: Option<Runtime>,
    url: String,
    archive_url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl FakeHeroku {
    /// Starts one on free ports of loopback.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(model: impl Into<Model>) -> Self {
        Self::start_at(model, 0).expect("loopback has free ports")
    }

    /// Starts one whose API listens on this port of loopback; 0 for any.
    pub fn start_at(model: impl Into<Model>, port: u16) -> io::Result<Self> {
        let (api, url) = listen(port)?;
        let (archives, archive_url) = listen(0)?;
        let shared = Arc::new(state::Shared::new(model.into(), archive_url.clone()));
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("fake-heroku")
            .enable_all()
            .build()?;
        runtime.spawn(serve(api, http::api(Arc::clone(&shared))));
        runtime.spawn(serve(archives, http::archives(Arc::clone(&shared))));
        Ok(Self { shared, server: Arc::new(Server { runtime: Some(runtime), url, archive_url }) })
    }

    /// The API's address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url.clone()
    }

    /// The address of the host that archives are downloaded from.
    pub fn archive_url_base(&self) -> String {
        self.server.archive_url.clone()
    }
}

/// The truth, and changes to it.
impl FakeHeroku {
    /// A copy of all that it knows now.
    pub fn model(&self) -> Model {
        self.shared.lock().model.clone()
    }

    /// Changes what it knows, at one instant.
    pub fn change<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        change(&mut self.shared.lock().model)
    }

    /// The events of a day, in the order of `order=asc`.
    pub fn day(&self, account: &str, date: NaiveDate) -> Vec<Bytes> {
        let day = self.shared.lock().model.day(account, date);
        day.events().collect()
    }

    /// Sets the whole of a day; an event may be any bytes.
    pub fn put_day(&self, account: &str, date: NaiveDate, events: Vec<Bytes>) {
        self.change(|model| model.put_day(account, date, events));
    }

    /// Sets a day to `count` synthetic events that are made while they are sent.
    pub fn generate_day(&self, account: &str, date: NaiveDate, count: usize) {
        self.change(|model| model.generate_day(account, date, count));
    }

    /// Appends an event, as one that comes late.
    pub fn add_event(&self, account: &str, date: NaiveDate, event: impl Into<Bytes>) {
        self.change(|model| model.add_event(account, date, event.into()));
    }

    /// Takes out every event with this id; tells how many there were.
    pub fn remove_event(&self, account: &str, date: NaiveDate, id: &str) -> usize {
        self.change(|model| model.remove_event(account, date, id))
    }

    /// Adds an account that this user manages, with an id made from its name.
    pub fn add_account(&self, name: &str, manager: &str) {
        self.change(|model| {
            let account = Account { id: uuid(name), name: name.to_owned(), members: Vec::new() };
            model.directory.enterprise_accounts.push(account);
            model.grant(name, manager, &["view", "manage"]);
        });
    }

    /// Adds a team, with an id made from its name, to an account or to none.
    pub fn add_team(&self, name: &str, account: Option<&str>) {
        let enterprise_account = account.map(str::to_owned);
        let team =
            Team { id: uuid(name), name: name.to_owned(), enterprise_account, members: Vec::new() };
        self.change(|model| model.directory.teams.push(team));
    }

    /// Adds a token of this user, and the user if there is none with this address.
    pub fn add_token(&self, token: &str, email: &str) {
        self.change(|model| {
            let directory = &mut model.directory;
            if !directory.users.iter().any(|user| user.email == email) {
                directory.users.push(User { id: uuid(email), email: email.to_owned() });
            }
            directory.tokens.push(Token {
                token: token.to_owned(),
                user: email.to_owned(),
                env: None,
            });
        });
    }

    /// Makes a token invalid: 401 from now on.
    pub fn revoke(&self, token: &str) {
        self.change(|model| model.directory.tokens.retain(|known| known.token != token));
    }

    /// Sets what a user may do in an account: without `manage` events are 403, with no permission at all the account is
    /// 404.
    pub fn grant(&self, account: &str, email: &str, permissions: &[&str]) {
        self.change(|model| model.grant(account, email, permissions));
    }

    /// Makes the archive of a month anew from the days that the account has now.
    pub fn make_archive(&self, account: &str, month: Month) {
        self.change(|model| model.make_archive(account, month));
    }

    /// The address of a month's file at the archive host, as the archive's own page tells it.
    ///
    /// # Panics
    /// If there is no such archive.
    pub fn archive_url(&self, account: &str, month: Month) -> String {
        let mut key = String::new();
        self.change_archive(account, month, |archive| key.clone_from(&archive.key));
        format!("{}/{key}", self.server.archive_url)
    }

    /// Changes what is told of a month's archive, or how it is served: its checksum, when it was made, its encoding.
    ///
    /// # Panics
    /// If there is no such archive.
    pub fn change_archive(&self, account: &str, month: Month, change: impl FnOnce(&mut Archive)) {
        self.change(|model| model.change_archive(account, month, change));
    }

    /// Puts these bytes behind the archive of a month; checksum and size follow from them.
    pub fn put_archive(&self, account: &str, month: Month, file: impl Into<Bytes>) {
        self.change(|model| model.put_archive(account, month, file.into()));
    }
}

/// How it behaves.
impl FakeHeroku {
    /// Whether lists of events come in pages; [`Paging::Whole`] at first.
    pub fn set_paging(&self, paging: Paging) {
        self.shared.lock().paging = paging;
    }

    /// Whether lists of events are gzipped for clients that accept it; they are at first.
    pub fn set_gzip(&self, gzip: bool) {
        self.shared.lock().gzip = gzip;
    }

    /// Sets the quota, with full buckets for all.
    pub fn set_quota(&self, quota: Quota) {
        self.shared.lock().buckets = quota::Buckets::with(quota);
    }

    /// Sets what is left of a user's quota, as if something else had used the rest.
    pub fn set_remaining(&self, email: &str, remaining: u32) {
        self.shared.lock().buckets.set_remaining(email, remaining, Instant::now());
    }

    /// Scripts a fault for the requests that match; only requests that pass the checks of headers, token and quota use
    /// it up.
    pub fn fault(&self, matching: Match, fault: Fault) {
        self.shared.lock().script.add(matching, fault);
    }

    /// The scripted faults that have not all happened.
    pub fn faults_left(&self) -> Vec<String> {
        self.shared.lock().script.left()
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().script.clear();
    }

    /// Lets the requests that hang now be answered.
    pub fn release_hangs(&self) {
        self.shared.hangs.send_replace(());
    }

    /// Holds all requests that match, however many, before anything of them is looked at, until the hold is released or dropped.
    pub fn hold(&self, matching: Match) -> Hold {
        let (gate, hold) = gate::Gate::new(matching);
        self.shared.lock().gates.push(gate);
        hold
    }
}

/// What was asked.
impl FakeHeroku {
    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().journal.requests.clone()
    }

    /// The requests for events of this account and day.
    pub fn requests_for(&self, account: &str, day: NaiveDate) -> Vec<Recorded> {
        let state = self.shared.lock();
        let name = Some(state.model.name_of(account));
        let requests = state.journal.requests.iter();
        requests.filter(|asked| asked.account == name && asked.day == Some(day)).cloned().collect()
    }

    /// Forgets the requests and violations so far.
    pub fn forget_requests(&self) {
        self.shared.lock().journal = journal::Journal::default();
    }

    /// What no client should have sent: each with method and path.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().journal.violations.clone()
    }
}

fn listen(port: u16) -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

async fn serve(listener: TcpListener, router: Router) {
    let listener =
        tokio::net::TcpListener::from_std(listener).expect("a runtime with I/O takes a listener");
    axum::serve(listener, router).await.expect("accepting goes on for ever");
}
