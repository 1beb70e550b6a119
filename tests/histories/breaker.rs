//! Breaks a random connection of the program again and again.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

/// The time between two broken connections.
const PAUSE: Duration = Duration::from_millis(150);

/// Its own session, and those that only prepare a step, stay.
const BREAK: &str = "SELECT pg_terminate_backend(pid)
     FROM (SELECT pid
           FROM pg_stat_activity
           WHERE datname = current_database()
             AND pid <> pg_backend_pid()
             AND application_name <> 'steps'
           ORDER BY random()
           LIMIT 1) AS one";

/// Ends with this value.
pub(crate) struct Breaker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Breaker {
    pub(crate) fn start(url: String) -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let mut session = runtime.block_on(PgConnection::connect(&url)).expect("a session");
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let broken = runtime.block_on(sqlx::raw_sql(BREAK).execute(&mut session));
                broken.expect("the server ends a session");
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the breaker ends");
        }
    }
}
