//! What the program promises to its parent process, tested through PostgreSQL's wire protocol,
//! because a machine without PostgreSQL has no client.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn one_connection_after_another_finds_what_was_committed() {
    let service = Service::start();
    service.connect().query("CREATE TABLE t (n int); INSERT INTO t VALUES (41)");
    assert!(service.connect().query("SELECT n + 1 AS answer FROM t").contains("42"));
}

#[test]
fn the_next_connection_waits_for_the_first_to_close() {
    let service = Service::start();
    let first = service.connect();
    let mut second = Connection::open(service.port);
    second.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(second.stream.read(&mut [0]).is_err());
    drop(first);
    second.stream.set_read_timeout(None).unwrap();
    second.until_ready();
    assert!(second.query("SELECT 6 * 7").contains("42"));
}

#[test]
fn a_client_that_resets_its_connection_loses_only_its_transaction() {
    let service = Service::start();
    service.connect().query("CREATE TABLE t (n int)");
    let mut client = service.connect();
    client.query("BEGIN; INSERT INTO t VALUES (1)");
    // Closing a socket with an unread answer resets it.
    client.send("SELECT repeat('x', 1000) FROM generate_series(1, 1000)");
    client.stream.peek(&mut [0]).unwrap();
    drop(client);
    assert!(service.connect().query("SELECT 'rows: ' || count(*) FROM t").contains("rows: 0"));
}

#[test]
fn the_end_of_its_input_ends_it_and_removes_its_files() {
    let mut service = Service::start();
    let _client = service.connect();
    assert!(service.folder().exists());
    drop(service.child.stdin.take());
    assert!(service.ended().success());
    assert!(!service.folder().exists());
}

#[test]
fn a_termination_signal_removes_its_files() {
    let mut service = Service::start();
    assert!(Command::new("kill").arg(service.child.id().to_string()).status().unwrap().success());
    assert!(service.ended().success());
    assert!(!service.folder().exists());
}

struct Service {
    child: Child,
    port: u16,
}

impl Service {
    fn start() -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_embedded-postgres"));
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("DATABASE_URL=postgresql://postgres@127.0.0.1:").unwrap();
        let port = address.split('/').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    fn connect(&self) -> Connection {
        let mut connection = Connection::open(self.port);
        connection.until_ready();
        connection
    }

    fn folder(&self) -> PathBuf {
        std::env::temp_dir().join(format!("embedded-postgres-{}", self.child.id()))
    }

    fn ended(&mut self) -> std::process::ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "still running");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // `wait` closes the input first.
        let _ = self.child.wait();
    }
}

struct Connection {
    stream: TcpStream,
}

impl Connection {
    fn open(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let startup = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        stream.write_all(&(startup.len() as u32 + 4).to_be_bytes()).unwrap();
        stream.write_all(startup).unwrap();
        Self { stream }
    }

    fn send(&mut self, sql: &str) {
        let message =
            [b"Q", &(sql.len() as u32 + 5).to_be_bytes()[..], sql.as_bytes(), b"\0"].concat();
        self.stream.write_all(&message).unwrap();
    }

    fn query(&mut self, sql: &str) -> String {
        self.send(sql);
        self.until_ready()
    }

    /// The bodies of all messages until the server is ready for a query.
    fn until_ready(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).unwrap();
            let [kind, length @ ..] = head;
            let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
            self.stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8_lossy(&body);
            assert_ne!(kind, b'E', "{body}");
            if kind == b'Z' {
                return text;
            }
            text.push_str(&body);
        }
    }
}
