//! The database's address: every form that libpq knows works or is rejected by name, and no part of
//! it is shown.

use std::sync::Arc;

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};
use serde_json::Value;

use crate::support::{ACME, DAY, Finished, World, day, truth, wait_for};

const PASSWORD: &str = "Zq7xW9#12345?vT3";

fn sync_at(world: &mut World, url: &str) -> Finished {
    world.set("DATABASE_URL", url);
    world.run("--date 2024-09-28 --output json")
}

/// The folder of the socket, the port, and the name of the database.
fn place(world: &World) -> (String, String, String) {
    let url = world.database.url().to_owned();
    let (authority, folder) = url.split_once("?host=").expect("a socket");
    let host = authority.rsplit_once('@').expect("a user").1.split('/').next().expect("a host");
    let port = host.split_once(':').map_or("5432", |(_, port)| port).to_owned();
    (folder.to_owned(), port, world.database.name().to_owned())
}

#[test]
fn a_socket_is_found_in_every_form_that_libpq_knows() {
    let mut world = World::new(ACME);
    let (folder, port, name) = place(&world);
    let encoded = folder.replace('/', "%2F");
    for url in [
        format!("postgres://postgres@{encoded}:{port}/{name}"),
        format!("postgresql:///{name}?host={folder}&port={port}&user=postgres"),
        format!(
            "postgres://postgres@localhost:{port}/?host={encoded}&dbname={name}&sslmode=verify-full"
        ),
        format!("host={folder} port={port} user=postgres dbname={name}"),
        format!(
            "  host='{folder}'\tport = {port} user=postgres dbname='{name}' connect_timeout=10 "
        ),
    ] {
        let finished = sync_at(&mut world, &url);
        assert_eq!(finished.status, 0, "{url}: {finished:#?}");
    }
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    // libpq's variables fill what the address leaves out, and an empty variable counts as not set.
    for (variable, value) in
        [("PGHOST", &*folder), ("PGPORT", &port), ("PGDATABASE", &name), ("PGUSER", "postgres")]
    {
        world.set(variable, value);
    }
    world.set("PGSSLMODE", "");
    let finished = sync_at(&mut world, "postgres://");
    assert_eq!(finished.status, 0, "{finished:#?}");
    world.set("PGSERVICE", "hush-hush");
    let refused = sync_at(&mut world, "postgres://");
    assert_eq!(refused.status, 2, "{refused:#?}");
    assert!(
        refused.stderr.contains("PGSERVICE") && !refused.stderr.contains("hush"),
        "{refused:#?}"
    );
}

#[test]
fn each_kind_of_loopback_is_reached() {
    let cluster = Arc::new(Cluster::builder().tcp().start().expect("a cluster"));
    let port = cluster.port().expect("a port");
    let mut world =
        World::on(Database::on(&cluster).expect("a database"), Fixtures::committed(), ACME);
    let name = world.database.name().to_owned();
    for url in [
        format!("postgres://postgres@127.0.0.1:{port}/{name}"),
        format!("postgres://postgres@localhost:{port}/{name}"),
        format!("hostaddr=127.0.0.1 port={port} user=postgres dbname={name}"),
        format!("postgres://postgres@db.example.com:{port}/{name}?hostaddr=127.0.0.1"),
    ] {
        let finished = sync_at(&mut world, &url);
        assert_eq!(finished.status, 0, "{url}: {finished:#?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_socket_is_reached() {
    let cluster = Arc::new(Cluster::builder().tcp().start().expect("a cluster"));
    let port = cluster.port().expect("a port");
    let version = cluster.psql("postgres", "SHOW server_version_num").expect("a version");
    let mut world =
        World::on(Database::on(&cluster).expect("a database"), Fixtures::committed(), ACME);
    let name = world.database.name().to_owned();
    let gone = sync_at(&mut world, &format!("postgres://postgres@%40nobody:{port}/{name}"));
    assert_eq!(gone.status, 3, "{gone:#?}");
    assert!(
        gone.stderr.contains(&format!("the database at @nobody:{port} can't be reached")),
        "{gone:#?}"
    );
    if *version < *"140000" {
        return crate::support::note("servers before PostgreSQL 14 have no abstract sockets");
    }
    // From here on the tests' own psql can't connect.
    let socket = format!("ALTER SYSTEM SET unix_socket_directories = '@auditsync-{port}'");
    cluster.psql("postgres", &socket).expect("the setting");
    cluster.restart(pg_cluster::Shutdown::Fast).expect("a restart");
    for url in [
        format!("postgres:///{name}?host=@auditsync-{port}&user=postgres&port={port}"),
        format!("postgres://postgres@%40auditsync-{port}:{port}/{name}"),
    ] {
        let finished = sync_at(&mut world, &url);
        assert_eq!(finished.status, 0, "{url}: {finished:#?}");
    }
}

#[test]
fn a_password_is_taken_from_the_address_a_variable_or_a_file() {
    let cluster = Arc::new(Cluster::builder().tcp().start().expect("a cluster"));
    let port = cluster.port().expect("a port");
    let rules =
        "umask 077; printf 'local all all trust\\nhost all all all scram-sha-256\\n' > \"$0\"";
    let written =
        cluster.command("/bin/sh").args(["-c", rules, "rules"]).status().expect("a shell");
    assert!(written.success());
    let folder = cluster.socket_dir().display().to_string();
    let script = format!(
        "SET password_encryption = 'scram-sha-256'; \
         CREATE ROLE me SUPERUSER LOGIN PASSWORD '{PASSWORD}'; \
         ALTER SYSTEM SET hba_file = '{folder}/rules'"
    );
    cluster.psql("postgres", &script).expect("a role");
    cluster.restart(pg_cluster::Shutdown::Fast).expect("a restart");
    let mut world =
        World::on(Database::on(&cluster).expect("a database"), Fixtures::committed(), ACME);
    let name = world.database.name().to_owned();
    let bare = format!("postgres://me@127.0.0.1:{port}/{name}");
    let encoded = PASSWORD.replace('#', "%23").replace('?', "%3F");
    for url in [
        bare.replace("me@", &format!("me:{encoded}@")),
        bare.replace("me@", &format!("me:{PASSWORD}@")),
        format!("{bare}?password={encoded}"),
        format!("hostaddr=127.0.0.1 port={port} user=me dbname={name} password='{PASSWORD}'"),
    ] {
        let finished = sync_at(&mut world, &url);
        assert_eq!(finished.status, 0, "{url}: {finished:#?}");
        // Other programs may read it differently only where it is unescaped in a URI.
        assert_eq!(
            finished.stderr.contains("percent-encode"),
            url.contains(&format!("me:{PASSWORD}@")),
            "{finished:#?}"
        );
    }
    world.set("PGPASSWORD", PASSWORD);
    assert_eq!(sync_at(&mut world, &bare).status, 0);
    world.set("PGPASSWORD", "wrong-hush-hush");
    let wrong = sync_at(&mut world, &bare);
    assert_eq!(wrong.status, 3, "{wrong:#?}");
    assert!(
        wrong.stderr.contains("password authentication failed")
            && !format!("{wrong:?}").contains("hush"),
        "{wrong:#?}"
    );
    world.unset("PGPASSWORD");
    let file = world.place("passwords", &format!("# ours\n*:{port}:*:me:{PASSWORD}\n"));
    let with_file = format!("{bare}?passfile={file}");
    let open = sync_at(&mut world, &with_file);
    assert!(
        open.status == 3 && open.stderr.contains("is ignored, because others may read it"),
        "{open:#?}"
    );
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("the mode");
    assert_eq!(sync_at(&mut world, &with_file).status, 0);
    world.set("PGPASSFILE", &file);
    assert_eq!(sync_at(&mut world, &bare).status, 0);
}

#[test]
fn a_wrong_address_exits_2_with_advice_and_shows_no_secret() {
    let mut world = World::new(ACME);
    world.set("RUST_LOG", "trace");
    for (url, said) in [
        ("postgres://me:pw@h/d?pasword=hush-hush", "did you mean `password`?"),
        ("postgres://me:pw@h/d?sslpassword=hush-hush", "`sslpassword`"),
        ("postgres://me:hush-hush@ab@h/d", "`@` is %40"),
        ("postgres://me:hush/hush@h/d", "`/` is %2F"),
        ("postgres://me:hush hush@h/d", "a space is %20"),
        ("postgres://me:hush%hush@h/d", "`%` is %25"),
        ("postgres://me:pw@h:hush/d", "`port`"),
        ("postgres://me:hush-hush@one,two/d", "names several hosts"),
        ("postgres://me:hush-hush@h/d?sslmode=sure", "`sslmode`"),
        ("postgres://me:hush-hush@h/d?service=s", "`service`"),
        ("host=h password=hush hush=1", "single quotes"),
        ("me:hush-hush@h/d", "is not of the form postgres://"),
        ("Server=h;Password=hush-hush", "is not of the form postgres://"),
    ] {
        let finished = sync_at(&mut world, url);
        assert_eq!(finished.status, 2, "{url}: {finished:#?}");
        let all = format!("{finished:?}");
        assert!(
            finished.stderr.to_lowercase().contains(&said.to_lowercase()),
            "{url}: {finished:#?}"
        );
        assert!(!all.contains("hush"), "{url}: {finished:#?}");
    }
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn a_preflight_of_the_file_reports_a_wrong_address() {
    let mut world = World::new(ACME);
    world.set("DATABASE_URL", "postgres://me:hush-hush@h/d?sslmod=require");
    for arguments in ["check --config-only --output json", "check --output json"] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 1, "{finished:#?}");
        let report: Value = finished.json();
        let wrong: Vec<&Value> = report["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .filter(|check| check["ok"] == false)
            .collect();
        assert_eq!(wrong.len(), 1, "{report:#}");
        assert_eq!(
            (&wrong[0]["check"], &wrong[0]["subject"]),
            (&"database".into(), &"DATABASE_URL".into())
        );
        assert_eq!(wrong[0]["advice"], "Did you mean `sslmode`?");
        assert!(!format!("{finished:?}").contains("hush"), "{finished:#?}");
    }
}

#[test]
fn a_slow_statement_is_not_logged() {
    for filter in ["", "warn", "sqlx=trace"] {
        let mut world = World::new(ACME);
        world.set("RUST_LOG", filter);
        assert_eq!(world.run("migrate").status, 0);
        let mut holder = world.session(world.database.url());
        holder.ask("BEGIN; LOCK TABLE audit_events_log IN ACCESS EXCLUSIVE MODE");
        let run = world.spawn("--date 2024-09-28 --output json");
        // sqlx warns of a statement that takes a second.
        wait_for("a statement that takes long", || {
            world.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND wait_event_type = 'Lock'
                 AND clock_timestamp() - query_start > interval '1.2 s'",
            ) != "0"
        });
        holder.ask("COMMIT");
        let finished = run.wait();
        assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "synced", "{finished:#?}");
        assert!(
            !finished.stderr.contains("SELECT") && !finished.stderr.contains("slow"),
            "{filter}: {finished:#?}"
        );
    }
}
