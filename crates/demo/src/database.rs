//! The demo's PostgreSQL: the server's binaries on this machine, or else an embedded one.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use pg_cluster::Cluster;

/// A running PostgreSQL. Dropping it ends it.
#[derive(Debug)]
pub(crate) enum Database {
    /// A cluster from the binaries on this machine.
    Cluster { cluster: Box<Cluster>, url: String },
    /// An embedded server, in a process that ends when its standard input does.
    Embedded { process: Child, url: String },
}

impl Database {
    pub(crate) fn start(embedded: bool) -> Result<Self, Box<dyn Error>> {
        if embedded {
            return Self::start_embedded();
        }
        match Cluster::builder().start() {
            Ok(cluster) => {
                let url = cluster.url("postgres");
                Ok(Self::Cluster { cluster: Box::new(cluster), url })
            }
            Err(missing) => {
                println!(
                    "{missing}\nThe demo builds and uses the embedded PostgreSQL, which takes \
                     minutes the first time."
                );
                Self::start_embedded().map_err(|failure| {
                    format!("{missing}\nThe embedded PostgreSQL failed too: {failure}").into()
                })
            }
        }
    }

    fn start_embedded() -> Result<Self, Box<dyn Error>> {
        let cargo = option_env!("CARGO").unwrap_or("cargo");
        let mut process = Command::new(cargo)
            .args(["run", "--quiet", "--package", "embedded-postgres"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|failure| {
                format!("`{cargo} run --package embedded-postgres` can't be started: {failure}")
            })?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim().strip_prefix("DATABASE_URL=") {
            Some(url) => Ok(Self::Embedded { url: url.to_owned(), process }),
            None => Err(format!("it ended with {} before it was ready", process.wait()?).into()),
        }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Cluster { url, .. } | Self::Embedded { url, .. } => url,
        }
    }

    /// Describe it for people.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Cluster { cluster, .. } => {
                format!("a temporary cluster, from the server in {}", cluster.bin("").display())
            }
            Self::Embedded { .. } => "embedded, one connection at a time".to_owned(),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Embedded { process, .. } = self {
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }
}
