//! One server process for a folder: prepare it, start it, stop it, and register it with the guard.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{
    Binaries, Error, Shutdown,
    folder::Folder,
    guard::{Guard, Watched},
    wait,
};

/// A busy machine may need long. A server that needs longer hangs.
const LIMIT: Duration = Duration::from_mins(1);

/// A data folder, and its server process if it runs.
#[derive(Debug)]
pub(crate) struct Server {
    // Dropped first: it stops the process that `drop` then waits for.
    guard: Option<Guard>,
    process: Option<Child>,
}

impl Server {
    /// Create the data folder, and append the settings to its configuration.
    pub(crate) fn prepare(
        binaries: &Binaries,
        folder: &Folder,
        guard: Guard,
        durable: bool,
        settings: &[(String, String)],
    ) -> Result<Self, Error> {
        let mut server = Self { guard: Some(guard), process: None };
        server.initialise(binaries, folder, durable)?;
        configure(&folder.data().join("postgresql.conf"), settings)
            .map_err(Error::io("write postgresql.conf"))?;
        Ok(server)
    }

    fn initialise(
        &mut self,
        binaries: &Binaries,
        folder: &Folder,
        durable: bool,
    ) -> Result<(), Error> {
        let program = binaries.bin("initdb");
        let mut command = folder.command(&program);
        command.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        if !durable {
            command.arg("--no-sync");
        }
        command.arg("--pgdata").arg(folder.data());
        let status = self
            .spawn(command, folder, Watched::Preparation)?
            .wait()
            .map_err(Error::io("wait for initdb"))?;
        self.process = None;
        self.watch(Watched::Nothing)?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::Ended { status, log: folder.end_of_log() })
        }
    }

    /// Start the server, and wait until it accepts connections.
    pub(crate) fn start(
        &mut self,
        binaries: &Binaries,
        folder: &Folder,
        port: u16,
    ) -> Result<(), Error> {
        if let Some(process) = &mut self.process
            && matches!(process.try_wait(), Ok(None))
        {
            return Ok(());
        }
        let mut command = folder.command(&binaries.bin("postgres"));
        command.arg("-D").arg(folder.data()).args(["-p", &port.to_string()]);
        let process = self.spawn(command, folder, Watched::Server)?;
        let answer = wait::until(LIMIT, || match process.try_wait() {
            Ok(Some(status)) => Some(Err(Error::Ended { status, log: folder.end_of_log() })),
            Ok(None) => is_ready(&folder.data(), process.id()).then_some(Ok(())),
            Err(e) => Some(Err(Error::io("wait for PostgreSQL")(e))),
        });
        match answer {
            Some(Err(ended)) => {
                self.process = None;
                self.watch(Watched::Nothing)?;
                Err(ended)
            }
            Some(Ok(())) => Ok(()),
            None => {
                let error =
                    Error::TooSlow { what: "become ready", limit: LIMIT, log: folder.end_of_log() };
                self.stop(folder, Shutdown::Immediate)?;
                Err(error)
            }
        }
    }

    /// Stop the server if it runs, and wait for its end.
    pub(crate) fn stop(&mut self, folder: &Folder, shutdown: Shutdown) -> Result<(), Error> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let signal = match shutdown {
            Shutdown::Fast => "INT",
            Shutdown::Immediate => "QUIT",
        };
        // Not `pg_ctl stop`, which refuses root and checks only ten times a second.
        let pid = process.id().to_string();
        Command::new("/bin/sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "kill", signal, &pid])
            .stderr(Stdio::null())
            .status()
            .map_err(Error::io("signal PostgreSQL"))?;
        collect(process)
            .ok_or_else(|| Error::TooSlow { what: "stop", limit: LIMIT, log: folder.end_of_log() })?
            .map_err(Error::io("wait for PostgreSQL"))?;
        self.process = None;
        self.watch(Watched::Nothing)
    }

    /// Start a program in a process group that the guard knows, and append its output to the log.
    fn spawn(
        &mut self,
        mut command: Command,
        folder: &Folder,
        watched: fn(u32) -> Watched,
    ) -> Result<&mut Child, Error> {
        let log = open_log(folder).map_err(Error::io("open the server's log"))?;
        let stdout = log.try_clone().map_err(Error::io("open the server's log"))?;
        without_pg_variables(&mut command);
        let what = format!("run {}", command.get_program().display());
        let process = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(log)
            .spawn()
            .map_err(Error::io(what))?;
        let pid = process.id();
        let process = self.process.insert(process);
        if let Some(guard) = &mut self.guard {
            guard.watch(watched(pid)).map_err(Error::io("reach the guard"))?;
        }
        Ok(process)
    }

    fn watch(&mut self, what: Watched) -> Result<(), Error> {
        self.guard
            .as_mut()
            .map_or(Ok(()), |guard| guard.watch(what))
            .map_err(Error::io("reach the guard"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test may have killed the server. Then the guard need not wait for it.
        if let Some(process) = &mut self.process
            && matches!(process.try_wait(), Ok(Some(_)))
        {
            let _ = self.watch(Watched::Nothing);
        }
        self.guard = None;
        if let Some(mut process) = self.process.take() {
            // The guard has stopped it. This is the last resort if the guard itself was killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Hide `PGOPTIONS`, `PGHOST` and the like from a program: they are meant for other servers.
pub(crate) fn without_pg_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
}

/// Line 8 of `postmaster.pid` is `ready`. Line 1 shows whether the file belongs to this server, or
/// to one that crashed.
fn is_ready(data: &Path, pid: u32) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let line = |n: usize| file.lines().nth(n - 1).unwrap_or_default().trim();
    line(1) == pid.to_string() && line(8) == "ready"
}

fn collect(process: &mut Child) -> Option<std::io::Result<ExitStatus>> {
    wait::until(LIMIT, || process.try_wait().transpose())
}

fn open_log(folder: &Folder) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(folder.log())
}

fn configure(file: &Path, settings: &[(String, String)]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(file)?;
    for (name, value) in settings {
        writeln!(file, "{name} = '{}'", value.replace('\'', "''"))?;
    }
    Ok(())
}
