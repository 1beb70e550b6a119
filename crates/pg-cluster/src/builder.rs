//! How a cluster is asked for: sensible for tests as it is, each choice a method.

use std::{net::TcpListener, sync::Mutex};

use crate::{Binaries, Cluster, Error, folder::Folder, server::Server};

const USUAL_PORT: u16 = 5432;

/// Another program may take the free port before the server does; not five times in a row.
const PORTS_TRIED: usize = 5;

/// The choices for a cluster; see [`Cluster::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    binaries: Option<Binaries>,
    durable: bool,
    tcp: bool,
    settings: Vec<(String, String)>,
}

impl Builder {
    /// It shall survive a crash of the *machine*: `fsync` and full-page writes.
    ///
    /// Either way, commits survive a crash of the server: [`crate::Shutdown::Immediate`] loses nothing.
    /// For whatever measures.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// A line for `postgresql.conf`; the last one for a name wins.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Listens on a free port of 127.0.0.1 as well, where any user of this machine may enter without a password.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Uses these binaries rather than the first that [`Binaries::find`] finds.
    pub fn binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// Creates the cluster, and returns once it takes connections.
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
            // Not synchronous_commit: without it, an immediate stop would lose commits.
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
                tries += 1
            }
            Err(e) => return Err(e),
        }
    }
}
