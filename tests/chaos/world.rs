//! What the rounds of a lane share: a cluster of its own, because it is restarted, and a fake
//! Heroku.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fake_heroku::{FakeHeroku, Model, Quota};
use pg_cluster::Cluster;

use crate::database::Database;
use crate::proxy::Proxy;

pub(crate) const TOKEN: &str = "HRKU-chaos-not-a-secret";
const DATABASE: &str = "chaos";
/// Makes some commits slow, so that disturbances often come between a commit and its answer.
const SLOW_COMMITS: &str = "
    CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < tg_argv[0]::float8 THEN PERFORM pg_sleep(random() * 0.08); END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit_history
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit(0.2);
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit_events
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit(0.02);";

pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) heroku: FakeHeroku,
    /// Between the program and its database, so that the database can appear frozen.
    pub(crate) proxy: Proxy,
    lane: u32,
}

impl World {
    pub(crate) fn start(lane: u32) -> Self {
        let settings = [
            ("max_connections", "200"),
            // A process that is stopped while it connects delays a fast shutdown by up to this
            // time.
            ("authentication_timeout", "3s"),
            // Leaves more recent commits unwritten when the server crashes.
            ("wal_writer_delay", "10s"),
        ];
        let builder = settings
            .iter()
            .fold(Cluster::builder(), |builder, (name, value)| builder.setting(name, value));
        let cluster = builder.start().expect("a cluster");
        cluster.create_database(DATABASE).expect("a database");
        let heroku = FakeHeroku::start(Model::default());
        heroku.set_quota(Quota { capacity: u32::MAX, per_hour: u32::MAX, retry_after: None });
        heroku.add_token(TOKEN, "ops@example.com");
        for account in ["acme", "globex"] {
            heroku.add_account(account, "ops@example.com");
        }
        for team in ["team-a", "team-b"] {
            heroku.add_team(team, Some("acme"));
        }
        let proxy = Proxy::start(&cluster.url(DATABASE));
        let world = Self { cluster, heroku, proxy, lane };
        let folder = world.folder("migrate");
        std::fs::create_dir_all(&folder).expect("a folder");
        let source = "[[source]]\nname = \"none\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n";
        std::fs::write(folder.join("audit.toml"), source).expect("a file");
        let migrated = world.command(&folder, &["migrate"]).output().expect("the program starts");
        assert!(migrated.status.success(), "{migrated:?}");
        let _ = std::fs::remove_dir_all(folder);
        world.cluster.psql(DATABASE, SLOW_COMMITS).expect("triggers");
        world
    }

    /// A folder for the files and logs of a round.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        std::env::temp_dir()
            .join(format!("auditsync-chaos-{}-{}", std::process::id(), self.lane))
            .join(name)
    }

    /// The program, not yet started, with an environment of its own.
    pub(crate) fn command(&self, folder: &std::path::Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
        command.args(arguments).current_dir(folder).env_clear();
        command
            .env("DATABASE_URL", self.proxy.url())
            .env("TOKEN", TOKEN)
            .env("RUST_BACKTRACE", "1");
        command.stdin(Stdio::null());
        command
    }

    /// Locks a table for a time in a session that ends by itself.
    pub(crate) fn lock(&self, table: &str, mode: &str, time: Duration) -> Option<Child> {
        let sql = format!(
            "BEGIN; LOCK TABLE {table} IN {mode} MODE; SELECT pg_sleep({}); COMMIT",
            time.as_secs_f64()
        );
        let mut psql = Command::new(self.cluster.bin("psql"));
        psql.args(["-qX", "-c", &sql, "-d", &self.cluster.url(DATABASE)]);
        psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    }

    /// Sets whether the server accepts writes; false while it is away.
    pub(crate) fn set_read_only(&self, read_only: bool) -> bool {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}");
        self.cluster.psql(DATABASE, &set).is_ok()
            && self.cluster.psql(DATABASE, "SELECT pg_reload_conf()").is_ok()
    }

    /// A connection for the test itself.
    pub(crate) fn database(&self) -> Database {
        Database::at(self.cluster.url(DATABASE))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Fails, as it should, while it contains the logs of a failed round.
        let _ = std::fs::remove_dir(self.folder(""));
    }
}
