//! What a cluster promises, tested on this machine's server.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use pg_cluster::{Binaries, Cluster, Database, Place, Shutdown, fresh_database, shared};

#[test]
fn a_cluster_runs_sql_even_for_root() {
    let cluster = shared();
    assert_eq!(cluster.psql("postgres", "SELECT current_user, 'ü'").unwrap(), "postgres|ü");
    let encoding = "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database
                    WHERE datname = 'postgres'";
    assert_eq!(cluster.psql("postgres", encoding).unwrap(), "UTF8|C");
    assert!(
        cluster
            .psql("postgres", "SELECT oops")
            .unwrap_err()
            .to_string()
            .contains("\"oops\" does not exist")
    );
}

#[test]
fn the_socket_fits_into_its_address_and_is_closed_to_strangers() {
    use std::os::unix::fs::PermissionsExt;
    let socket = shared().socket_dir().join(".s.PGSQL.5432");
    assert!(socket.exists());
    assert!(socket.as_os_str().len() < 104);
    assert_eq!(fs::metadata(shared().socket_dir()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn two_clusters_run_at_once_and_drop_removes_them() {
    let (one, two) = (start(), start());
    one.psql("postgres", "CREATE TABLE only_here ()").unwrap();
    assert!(two.psql("postgres", "TABLE only_here").is_err());
    let folder = one.socket_dir().to_owned();
    let pid = server_pid(&folder);
    drop(one);
    assert!(!folder.exists());
    assert!(!is_running(&pid));
    assert_eq!(two.psql("postgres", "SELECT 1").unwrap(), "1");
}

#[test]
fn what_was_committed_survives_every_kind_of_restart() {
    let cluster = start();
    cluster.psql("postgres", "CREATE TABLE kept (n int)").unwrap();
    for (n, shutdown) in [Shutdown::Fast, Shutdown::Immediate].into_iter().enumerate() {
        cluster.psql("postgres", &format!("INSERT INTO kept VALUES ({n})")).unwrap();
        cluster.restart(shutdown).unwrap();
    }
    assert_eq!(cluster.psql("postgres", "SELECT n FROM kept ORDER BY n").unwrap(), "0\n1");
}

#[test]
fn a_stopped_cluster_refuses_connections_until_it_is_started() {
    let cluster = Cluster::builder().tcp().start().unwrap();
    let url = cluster.tcp_url("postgres").unwrap();
    let over_tcp = || {
        Command::new(cluster.bin("psql"))
            .args(["-X", "-c", "SELECT 1", &url])
            .output()
            .unwrap()
            .status
    };
    assert!(over_tcp().success());
    cluster.stop(Shutdown::Fast).unwrap();
    cluster.stop(Shutdown::Fast).unwrap();
    assert!(!over_tcp().success());
    assert!(cluster.psql("postgres", "SELECT 1").is_err());
    cluster.start().unwrap();
    assert!(over_tcp().success());
    assert_eq!(cluster.psql("postgres", "SELECT 1").unwrap(), "1");
}

#[test]
fn settings_reach_the_server_and_the_last_one_wins() {
    let builder =
        Cluster::builder().durable().setting("work_mem", "1MB").setting("work_mem", "7MB");
    let cluster = builder.setting("application_name", "it's").start().unwrap();
    let shown = cluster
        .psql("postgres", "SHOW work_mem; SHOW application_name; SHOW fsync; SHOW timezone")
        .unwrap();
    // psql sets its application name when it connects.
    assert_eq!(shown, "7MB\npsql\non\nUTC");
    assert_eq!(shared().psql("postgres", "SHOW fsync").unwrap(), "off");
}

#[test]
fn a_setting_the_server_refuses_is_reported_with_its_log() {
    let error = Cluster::builder().setting("no_such_setting", "1").start().unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let (one, two) = (fresh_database(), fresh_database());
    assert_ne!(one.name(), two.name());
    one.psql("CREATE TABLE mine AS SELECT 1 AS n").unwrap();
    assert!(two.psql("TABLE mine").is_err());
    assert_eq!(one.copy().unwrap().psql("TABLE mine").unwrap(), "1");
}

#[test]
fn what_a_script_sets_or_leaves_open_does_not_outlast_it() {
    let database = fresh_database();
    let session = || database.psql("SELECT pg_backend_pid()").unwrap();
    let first = session();
    let usual = database.psql("SHOW work_mem").unwrap();
    assert_ne!(usual, "7MB");
    assert_eq!(database.psql("SET work_mem = '7MB'; SHOW work_mem").unwrap(), "7MB");
    assert_eq!(database.psql("SHOW work_mem").unwrap(), usual);
    assert_eq!(session(), first);

    let open = database.psql("BEGIN; CREATE TABLE mine (n int)").unwrap_err().to_string();
    assert!(open.contains("DISCARD ALL cannot run inside a transaction block"), "{open}");
    let wrong = database
        .psql("CREATE TABLE ours (n int); SELECT 1 / 0; DROP TABLE ours")
        .unwrap_err()
        .to_string();
    assert!(wrong.contains("division by zero"), "{wrong}");
    assert_eq!(
        database.psql("SELECT to_regclass('mine') IS NULL, to_regclass('ours') IS NULL").unwrap(),
        "t|f"
    );
    assert_ne!(session(), first);
}

#[test]
fn a_script_and_its_answer_may_both_be_longer_than_a_pipe_holds() {
    let row = "x".repeat(1000);
    let answer = fresh_database().psql(&format!("SELECT '{row}';\n").repeat(500)).unwrap();
    assert_eq!(answer.lines().filter(|line| *line == row).count(), 500);
}

#[test]
fn a_script_reaches_a_server_that_was_restarted() {
    let cluster = Arc::new(start());
    let database = Database::on(&cluster).unwrap();
    database.psql("CREATE TABLE mine AS SELECT 1 AS n").unwrap();
    cluster.restart(Shutdown::Immediate).unwrap();
    assert_eq!(database.psql("TABLE mine").unwrap(), "1");
    assert_eq!(cluster.terminate_backends(database.name()).unwrap(), 1);
    assert_eq!(database.psql("TABLE mine").unwrap(), "1");
}

#[test]
fn a_script_that_waits_for_another_one_does_not_hold_it_up() {
    let database = fresh_database();
    let (mut holder, mut watcher) = (database.session().unwrap(), database.session().unwrap());
    holder.ask("CREATE TABLE mine (n int); BEGIN; LOCK TABLE mine").unwrap();
    thread::scope(|scope| {
        // The closure drops it even if it fails, so that nobody waits.
        let mut holder = holder;
        let waiting = scope.spawn(|| database.psql("SELECT count(*) FROM mine").unwrap());
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("it waits", || watcher.ask(waits).unwrap() == "t");
        let other = scope.spawn(|| database.psql("SELECT 1").unwrap());
        eventually("the other has its answer", || other.is_finished());
        assert_eq!(other.join().unwrap(), "1");
        holder.ask("COMMIT").unwrap();
        assert_eq!(waiting.join().unwrap(), "0");
    });
}

#[test]
fn equal_databases_have_equal_dumps() {
    let cluster = start();
    cluster.create_database("one").unwrap();
    cluster
        .psql("one", "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
        .unwrap();
    cluster.create_database_from("two", "one").unwrap();
    let dump = |name| cluster.dump(name).unwrap();
    assert!(dump("one").contains("CREATE TABLE public.t"));
    assert_eq!(dump("one"), dump("two"));
    cluster.psql("two", "DELETE FROM t WHERE n = 2").unwrap();
    assert_ne!(dump("one"), dump("two"));
}

#[test]
fn terminating_backends_cuts_the_connections_of_one_database() {
    let cluster = start();
    let sleeper = |name: &str| {
        cluster.create_database(name).unwrap();
        let mut psql = Command::new(cluster.bin("psql"));
        psql.args(["-X", "-c", "SELECT pg_sleep(60)", &cluster.url(name)])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        psql.spawn().unwrap()
    };
    let (mut cut, mut kept) = (sleeper("one"), sleeper("two"));
    let both = "SELECT count(*) = 2 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'";
    eventually("both sleep", || cluster.psql("postgres", both).unwrap() == "t");
    assert_eq!(cluster.terminate_backends("one").unwrap(), 1);
    assert!(!cut.wait().unwrap().success());
    assert!(kept.try_wait().unwrap().is_none());
    kept.kill().unwrap();
    kept.wait().unwrap();
}

#[test]
fn a_process_killed_with_its_cluster_running_leaves_nothing() {
    let mut program = Program::start(&[]);
    let folder = program.socket_dir();
    let pid = server_pid(&folder);
    assert!(is_running(&pid));
    program.child.kill().unwrap();
    eventually("the folder is gone", || !folder.exists());
    eventually("the server is gone", || !is_running(&pid));
    program.child.wait().unwrap();
}

#[test]
fn a_process_killed_while_it_prepares_its_cluster_leaves_nothing() {
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_pg-cluster")).stdin(Stdio::piped()).spawn().unwrap();
    let prefix = format!("pg-{}-", child.id());
    let started = || {
        fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.path()).find(
            |path| {
                path.file_name().unwrap().to_string_lossy().starts_with(&prefix)
                    && path.join("data").exists()
            },
        )
    };
    eventually("initdb is at work", || started().is_some());
    let folder = started().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the folder is gone", || !folder.exists());
}

#[test]
fn a_server_that_crashed_starts_again_with_what_was_committed() {
    let cluster = start();
    cluster.psql("postgres", "CREATE TABLE kept ()").unwrap();
    let pid = server_pid(cluster.socket_dir());
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    eventually("the server is gone", || !is_running(&pid));
    eventually("its processes are gone", || cluster.start().is_ok());
    assert_eq!(cluster.psql("postgres", "SELECT count(*) FROM kept").unwrap(), "0");
}

#[test]
fn a_process_terminated_with_its_cluster_running_leaves_nothing() {
    let mut program = Program::start(&[]);
    let folder = program.socket_dir();
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    program.child.wait().unwrap();
    eventually("the folder is gone", || !folder.exists());
}

#[test]
fn a_command_gets_the_cluster_as_the_server_for_tests() {
    let mut program =
        Program::start(&["sh", "-c", "echo DATABASE_URL=$AUDITSYNC_TEST_DATABASE_URL; exit 7"]);
    let folder = program.socket_dir();
    assert_eq!(program.child.wait().unwrap().code(), Some(7));
    assert!(!folder.exists());
}

#[test]
fn a_test_on_a_server_from_the_environment_drops_its_database() {
    // A process can't set this variable safely for itself, so this test starts itself with it.
    let names = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'";
    let cluster = start();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "each_test_has_a_database_of_its_own", "--nocapture"])
        .env("AUDITSYNC_TEST_DATABASE_URL", cluster.url("postgres"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(cluster.psql("postgres", names).unwrap(), "0");
    // The test ran on that cluster: its objects took the first object ids.
    cluster.create_database("marker").unwrap();
    let taken = "SELECT oid > 16386 FROM pg_database WHERE datname = 'marker'";
    assert_eq!(cluster.psql("postgres", taken).unwrap(), "t");
}

#[test]
fn without_a_server_the_error_names_every_place_and_the_ways_to_get_one() {
    let places = [
        Place { name: "PATH".into(), folders: vec!["/nowhere/bin".into(), "/usr/bin".into()] },
        Place { name: "/usr/lib/postgresql/*/bin".into(), folders: Vec::new() },
    ];
    let message = Binaries::find_in(&places).unwrap_err().to_string();
    let expected = [
        "PATH: /nowhere/bin, /usr/bin\n",
        "/usr/lib/postgresql/*/bin\n",
        "apt-get install postgresql",
        "brew install postgresql@17",
        "AUDITSYNC_POSTGRES_BIN",
        "AUDITSYNC_TEST_DATABASE_URL",
    ];
    for part in expected {
        assert!(message.contains(part), "{part:?} is missing from:\n{message}");
    }
}

#[test]
fn a_folder_given_by_hand_is_the_only_one_searched() {
    let output = Command::new(env!("CARGO_BIN_EXE_pg-cluster"))
        .env("AUDITSYNC_POSTGRES_BIN", "/nowhere")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("AUDITSYNC_POSTGRES_BIN: /nowhere\n"), "{message}");
    assert!(!message.contains("pg_config"), "{message}");
}

fn start() -> Cluster {
    Cluster::builder().start().unwrap()
}

/// The program `pg-cluster`, run by another process.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(command: &[&str]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pg-cluster"));
        program.args(command).env_remove("AUDITSYNC_TEST_DATABASE_URL");
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            send.send(line).unwrap();
        });
        let line = receive.recv_timeout(Duration::from_mins(1)).unwrap();
        let url = line.trim().strip_prefix("DATABASE_URL=").unwrap().to_owned();
        Self { child, url }
    }

    fn socket_dir(&self) -> PathBuf {
        self.url.split_once("?host=").unwrap().1.into()
    }
}

fn server_pid(folder: &Path) -> String {
    let file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().to_owned()
}

/// Whether a process exists and has not ended. A zombie counts as ended.
fn is_running(pid: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "not so after 20 seconds: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
