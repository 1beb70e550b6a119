//! A stateful fake of Heroku's Platform API for audit trails, behind real HTTP on loopback.
//!
//! Tests change its data ([`Model`]), script faults ([`Fault`]) and hold requests where order
//! matters ([`Hold`]). They read back the requests ([`Recorded`]) and the true events
//! ([`FakeHeroku::day`]). To start it by hand, run `cargo run -p fake-heroku -- serve`.
//!
//! It also serves other clients: Heroku's command line, its client libraries, curl. It accepts what
//! they send and answers as they expect, according to Heroku's reference and their code.
//!
//! It sends the exact bytes of each event and is strict about requests: [`FakeHeroku::violations`]
//! lists what no client should have sent. Where Heroku documents nothing (whether lists of events
//! come in pages, whether a 429 has a `Retry-After`), it supports both.

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

/// A running fake. Clones are handles to the same one. The last one to be dropped ends it and cuts
/// its connections.
#[derive(Clone, Debug)]
pub struct FakeHeroku {
    shared: Arc<state::Shared>,
    server: Arc<Server>,
}

/// The servers have their own threads, so that a test may block while they answer.
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
    /// Start a fake on free ports of loopback.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(model: impl Into<Model>) -> Self {
        Self::start_at(model, 0).expect("loopback has free ports")
    }

    /// Start a fake whose API listens on this port of loopback; 0 chooses a free one.
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

    /// The address of the archive host.
    pub fn archive_url_base(&self) -> String {
        self.server.archive_url.clone()
    }
}

/// The data, and changes to it.
impl FakeHeroku {
    /// A copy of all data.
    pub fn model(&self) -> Model {
        self.shared.lock().model.clone()
    }

    /// Change the data atomically.
    pub fn change<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        change(&mut self.shared.lock().model)
    }

    /// The events of a day, in the order of `order=asc`.
    pub fn day(&self, account: &str, date: NaiveDate) -> Vec<Bytes> {
        let day = self.shared.lock().model.day(account, date);
        day.events().collect()
    }

    /// Replace the events of a day. An event may be any bytes.
    pub fn put_day(&self, account: &str, date: NaiveDate, events: Vec<Bytes>) {
        self.change(|model| model.put_day(account, date, events));
    }

    /// Replace the events of a day by `count` synthetic ones, made while they are sent.
    pub fn generate_day(&self, account: &str, date: NaiveDate, count: usize) {
        self.change(|model| model.generate_day(account, date, count));
    }

    /// Append an event to a day, as a late one.
    pub fn add_event(&self, account: &str, date: NaiveDate, event: impl Into<Bytes>) {
        self.change(|model| model.add_event(account, date, event.into()));
    }

    /// Remove every event with this id, and return how many there were.
    pub fn remove_event(&self, account: &str, date: NaiveDate, id: &str) -> usize {
        self.change(|model| model.remove_event(account, date, id))
    }

    /// Add an account that this user manages. Its id derives from its name.
    pub fn add_account(&self, name: &str, manager: &str) {
        self.change(|model| {
            let account = Account { id: uuid(name), name: name.to_owned(), members: Vec::new() };
            model.directory.enterprise_accounts.push(account);
            model.grant(name, manager, &["view", "manage"]);
        });
    }

    /// Add a team to an account, or without one. Its id derives from its name.
    pub fn add_team(&self, name: &str, account: Option<&str>) {
        let enterprise_account = account.map(str::to_owned);
        let team =
            Team { id: uuid(name), name: name.to_owned(), enterprise_account, members: Vec::new() };
        self.change(|model| model.directory.teams.push(team));
    }

    /// Add a token of this user, and the user if the address is new.
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

    /// Make a token invalid: its requests get 401 from now on.
    pub fn revoke(&self, token: &str) {
        self.change(|model| model.directory.tokens.retain(|known| known.token != token));
    }

    /// Set a user's permissions in an account. Without `manage`, events are 403. Without any
    /// permission, the account is 404.
    pub fn grant(&self, account: &str, email: &str, permissions: &[&str]) {
        self.change(|model| model.grant(account, email, permissions));
    }

    /// Make the archive of a month again from the account's current days.
    pub fn make_archive(&self, account: &str, month: Month) {
        self.change(|model| model.make_archive(account, month));
    }

    /// The address of a month's file at the archive host, as the API gives it.
    ///
    /// # Panics
    /// If there is no such archive.
    pub fn archive_url(&self, account: &str, month: Month) -> String {
        let mut key = String::new();
        self.change_archive(account, month, |archive| key.clone_from(&archive.key));
        format!("{}/{key}", self.server.archive_url)
    }

    /// Change the description of a month's archive, or how it is served: checksum, time, encoding.
    ///
    /// # Panics
    /// If there is no such archive.
    pub fn change_archive(&self, account: &str, month: Month, change: impl FnOnce(&mut Archive)) {
        self.change(|model| model.change_archive(account, month, change));
    }

    /// Replace the file of a month's archive, and update its checksum and size.
    pub fn put_archive(&self, account: &str, month: Month, file: impl Into<Bytes>) {
        self.change(|model| model.put_archive(account, month, file.into()));
    }
}

/// Its behavior.
impl FakeHeroku {
    /// Set whether lists of events come in pages. The default is [`Paging::Whole`].
    pub fn set_paging(&self, paging: Paging) {
        self.shared.lock().paging = paging;
    }

    /// Set whether lists of events are compressed for clients that accept gzip. The default is yes.
    pub fn set_gzip(&self, gzip: bool) {
        self.shared.lock().gzip = gzip;
    }

    /// Set the quota, and fill all buckets.
    pub fn set_quota(&self, quota: Quota) {
        self.shared.lock().buckets = quota::Buckets::with(quota);
    }

    /// Set the rest of a user's quota, as if something else had used the difference.
    pub fn set_remaining(&self, email: &str, remaining: u32) {
        self.shared.lock().buckets.set_remaining(email, remaining, Instant::now());
    }

    /// Add a fault for matching requests. Only a request that passes the checks of headers, token
    /// and quota uses it up.
    pub fn fault(&self, matching: Match, fault: Fault) {
        self.shared.lock().script.add(matching, fault);
    }

    /// Describe the faults that have not happened in full.
    pub fn faults_left(&self) -> Vec<String> {
        self.shared.lock().script.left()
    }

    /// Remove all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().script.clear();
    }

    /// Answer the requests that hang now.
    pub fn release_hangs(&self) {
        self.shared.hangs.send_replace(());
    }

    /// Hold all matching requests before they are processed, until the hold is released or dropped.
    pub fn hold(&self, matching: Match) -> Hold {
        let (gate, hold) = gate::Gate::new(matching);
        self.shared.lock().gates.push(gate);
        hold
    }
}

/// Its requests.
impl FakeHeroku {
    /// All requests so far, in order of arrival.
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

    /// Forget the requests and violations so far.
    pub fn forget_requests(&self) {
        self.shared.lock().journal = journal::Journal::default();
    }

    /// What no client should have sent, each with method and path.
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
