//! The options of a cluster. The defaults suit tests.

use std::{net::TcpListener, sync::Mutex};

use crate::{Binaries, Cluster, Error, folder::Folder, server::Server};

const USUAL_PORT: u16 = 5432;

/// Another program may take the free port before the server does, but hardly five times in a row.
const PORTS_TRIED: usize = 5;

/// The options of a cluster; see [`Cluster::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    binaries: Option<Binaries>,
    durable: bool,
    tcp: bool,
    settings: Vec<(String, String)>,
}

impl Builder {
    /// Survive a crash of the *machine*, with `fsync` and full-page writes. Measurements need it.
    ///
    /// Commits survive a crash of the server in any case: [`crate::Shutdown::Immediate`] loses
    /// nothing.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Add a line to `postgresql.conf`. The last value of a name counts.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Listen on a free port of 127.0.0.1 as well. Any user of this machine may connect without a
    /// password.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Use these binaries instead of the first that [`Binaries::find`] finds.
    pub fn binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// Create the cluster, and return once it accepts connections.
    pub fn start(self) -> Result<Cluster, Error> {
        let settings = self.all_settings();
        let binaries = self.binaries.map_or_else(Binaries::find, Ok)?;
        let (folder, guard) = Folder::create()?;
        let socket_dir =
            ("unix_socket_directories".into(), folder.path().to_string_lossy().into_owned());
        let settings: Vec<_> = [socket_dir].into_iter().chain(settings).collect();
        let mut server = Server::prepare(&binaries, &folder, guard, self.durable, &settings)?;
        let port = if self.tcp {
            start_on_free_port(&mut server, &binaries, &folder)?
        } else {
            server.start(&binaries, &folder, USUAL_PORT)?;
            USUAL_PORT
        };
        Ok(Cluster { server: Mutex::new(server), binaries, folder, port, tcp: self.tcp })
    }

    fn all_settings(&self) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut settings = vec![
            own("listen_addresses", if self.tcp { "127.0.0.1" } else { "" }),
            // The machine's time zone must not decide whether a test passes.
            own("timezone", "UTC"),
            own("log_timezone", "UTC"),
        ];
        if !self.durable {
            // Keep synchronous_commit: without it, an immediate shutdown would lose commits.
            settings.extend([own("fsync", "off"), own("full_page_writes", "off")]);
        }
        settings.extend(self.settings.iter().cloned());
        settings
    }
}

fn start_on_free_port(
    server: &mut Server,
    binaries: &Binaries,
    folder: &Folder,
) -> Result<u16, Error> {
    let mut tries = 1;
    loop {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(Error::io("find a free port"))?.port();
        match server.start(binaries, folder, port) {
            Ok(()) => return Ok(port),
            Err(Error::Ended { log, .. })
                if tries < PORTS_TRIED && log.contains("could not bind") =>
            {
                tries += 1;
            }
            Err(e) => return Err(e),
        }
    }
}
