//! `PgBouncer` in transaction mode, in front of a cluster of this process.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use pg_cluster::Cluster;

use super::wait_for;

/// Debian's, from before it could keep prepared statements.
const PLACES: [&str; 4] = [
    "/usr/sbin/pgbouncer",
    "/usr/bin/pgbouncer",
    "/opt/homebrew/bin/pgbouncer",
    "/usr/local/bin/pgbouncer",
];

/// Ends the pooler when its own input ends, which happens with this process, however that ends.
const GUARD: &str = r#""$0" "$1" & cat >/dev/null; kill "$!"; wait"#;

/// A running pooler, which ends with this value.
pub(crate) struct Pooler {
    guard: Child,
    folder: PathBuf,
    number: u16,
}

impl Pooler {
    /// Starts one that keeps `size` connections to each database of the server at `server`, such as
    /// `host=… port=…`.
    pub(crate) fn start(cluster: &Cluster, server: &str, size: usize) -> Self {
        // The number only names the socket; the folder has no other user.
        static NUMBERS: AtomicU16 = AtomicU16::new(6432);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let program =
            PLACES.iter().map(Path::new).find(|path| path.is_file()).unwrap_or_else(|| {
                panic!(
                    "no PgBouncer found at {}: install it with `apt-get install pgbouncer`",
                    PLACES.join(", ")
                )
            });
        let folder = cluster.socket_dir().to_owned();
        let (log, file) = (
            folder.join(format!("pooler-{number}.log")),
            folder.join(format!("pooler-{number}.ini")),
        );
        let settings = format!(
            "[databases]\n* = {server} user=postgres\n[pgbouncer]\nunix_socket_dir = {}\n\
             listen_port = {number}\n\
             logfile = {}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {size}\n\
             server_login_retry = 1\n",
            folder.display(),
            log.display(),
        );
        std::fs::write(&file, settings).expect("the pooler's file");
        let mut command = cluster.command("/bin/sh");
        command
            .args(["-c", GUARD])
            .arg(program)
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let guard = command.stderr(Stdio::null()).spawn().expect("a shell");
        let pooler = Self { guard, folder, number };
        wait_for("the pooler", || {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(!log.contains("FATAL"), "the pooler does not start: {log}");
            log.contains("process up")
        });
        pooler
    }

    /// The URL of a database through the pooler.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgresql://postgres@localhost:{}/{database}?host={}",
            self.number,
            self.folder.display()
        )
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
