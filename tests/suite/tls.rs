//! The connection to the database, encrypted and verified, with a real server and certificates of
//! our own.

use std::sync::{Arc, OnceLock};

use fake_heroku::{Fixtures, Match};
use pg_cluster::{Cluster, Database};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::key_files::place;
use crate::support::pooler::Pooler;
use crate::support::{ACME, Finished, World, wait_for};

/// This machine, by an address that does not show it: connections to it must be encrypted.
const ELSEWHERE: &str = "0.0.0.0";

const ON_DAY: &str = "--date 2024-09-28";

/// A server with a certificate for `localhost`, and the CA that signed it.
struct Encrypted {
    cluster: Arc<Cluster>,
    ca: String,
}

fn encrypted() -> &'static Encrypted {
    static SERVER: OnceLock<Encrypted> = OnceLock::new();
    SERVER.get_or_init(|| {
        let cluster = Arc::new(Cluster::builder().tcp().start().expect("a cluster"));
        let (ca, certificate, key) = certificates();
        place(&cluster, "server.crt", &certificate);
        place(&cluster, "server.key", &key);
        let folder = cluster.socket_dir().display();
        let settings = format!(
            "ALTER SYSTEM SET ssl_cert_file = '{folder}/server.crt';
             ALTER SYSTEM SET ssl_key_file = '{folder}/server.key';
             ALTER SYSTEM SET ssl = on;
             SELECT pg_reload_conf();"
        );
        cluster.psql("postgres", &settings).expect("the settings");
        wait_for("the server to encrypt", || {
            cluster.psql("postgres", "SHOW ssl").is_ok_and(|ssl| ssl == "on")
        });
        Encrypted { cluster, ca }
    })
}

/// A CA's certificate, and one that it signed for `localhost`, with its key.
fn certificates() -> (String, String, String) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "the CA of the tests");
    let certificate = ca.self_signed(&ca_key).expect("a certificate").pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let mut own = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    own.distinguished_name.push(DnType::CommonName, "localhost");
    let own = own.signed_by(&key, &issuer).expect("a certificate");
    (certificate, own.pem(), key.serialize_pem())
}

fn world_on(cluster: &Arc<Cluster>) -> World {
    World::on(Database::on(cluster).expect("a database"), Fixtures::committed(), ACME)
}

fn world() -> World {
    world_on(&encrypted().cluster)
}

fn url(world: &World, host: &str, query: &str) -> String {
    let port = world.database.cluster().and_then(Cluster::port).expect("a port");
    format!("postgres://postgres@{host}:{port}/{}{query}", world.database.name())
}

/// A URL that names the CA.
fn with_ca(world: &World, host: &str, mode: &str) -> String {
    let ca = world.place("ca.pem", &encrypted().ca);
    url(world, host, &format!("?sslmode={mode}&sslrootcert={ca}"))
}

fn sync_at(world: &mut World, url: &str) -> Finished {
    world.set("DATABASE_URL", url);
    world.run(ON_DAY)
}

fn assert_refused(finished: &Finished, status: i32, words: &[&str]) {
    assert_eq!(finished.status, status, "{finished:#?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{word:?} is not in {finished:#?}");
    }
}

const NOT_VERIFIED: &str = "is encrypted, but its certificate is not verified";

#[test]
fn heroku_s_address_is_encrypted_without_verification_and_logged_once() {
    for query in ["", "?sslmode=require"] {
        let mut world = world();
        world.set("DATABASE_URL", &url(&world, ELSEWHERE, query));
        let hold = world.heroku.hold(Match::events("acme"));
        let run = world.spawn(ON_DAY);
        wait_for("the day to be at work", || hold.waiting() > 0);
        let encrypted = world.sql(
            "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE application_name = 'auditsync' AND datname = current_database()",
        );
        hold.release();
        let finished = run.wait();
        assert_eq!((finished.status, encrypted.as_str()), (0, "t|t"), "{finished:#?}");
        assert_eq!(finished.stderr.matches(NOT_VERIFIED).count(), 1, "{finished:#?}");
    }
}

#[test]
fn a_certificate_is_verified_by_the_ca_that_the_address_names() {
    for mode in ["verify-full", "verify-ca", "require"] {
        let mut world = world();
        let url = with_ca(&world, "localhost", mode);
        let finished = sync_at(&mut world, &url);
        assert_eq!(finished.status, 0, "{mode}: {finished:#?}");
        assert!(!finished.stderr.contains(NOT_VERIFIED), "{mode}: {finished:#?}");
    }
}

#[test]
fn a_certificate_for_another_host_is_rejected_where_the_host_matters() {
    let mut world = world();
    let url = with_ca(&world, "127.0.0.1", "verify-full");
    let refused = sync_at(&mut world, &url);
    let words = ["can't be reached over TLS", "127.0.0.1", "localhost", "sslmode=verify-ca"];
    assert_refused(&refused, 3, &words);
    assert_eq!(world.heroku.requests().len(), 0);
    let url = with_ca(&world, "127.0.0.1", "verify-ca");
    assert_eq!(sync_at(&mut world, &url).status, 0);
}

#[test]
fn a_certificate_of_an_unknown_ca_is_rejected() {
    let mut world = world();
    let unknown = url(&world, "localhost", "?sslmode=verify-full");
    let words = ["no CA that this machine knows signed its certificate", "sslrootcert=FILE"];
    assert_refused(&sync_at(&mut world, &unknown), 3, &words);
    // Another CA's certificate is rejected too, and a given CA is used in every mode that encrypts.
    let other = world.place("other.pem", &certificates().0);
    for (host, mode) in
        [("localhost", "sslmode=verify-full&"), ("localhost", "sslmode=require&"), (ELSEWHERE, "")]
    {
        let url = url(&world, host, &format!("?{mode}sslrootcert={other}"));
        assert_refused(&sync_at(&mut world, &url), 3, &words);
    }
    assert_eq!(world.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'audit%'"), "0");
}

#[test]
fn a_ca_file_that_is_absent_or_empty_is_named() {
    let mut world = world();
    let empty = world.place("empty.pem", "");
    for (file, why) in
        [("/no/such/ca.pem", "No such file"), (&empty, "there is no PEM certificate in it")]
    {
        let url = url(&world, "localhost", &format!("?sslmode=verify-full&sslrootcert={file}"));
        assert_refused(&sync_at(&mut world, &url), 2, &["sslrootcert", file, why]);
    }
}

#[test]
fn a_remote_server_without_tls_is_rejected_unless_the_address_allows_it() {
    static PLAIN: OnceLock<Arc<Cluster>> = OnceLock::new();
    let cluster =
        PLAIN.get_or_init(|| Arc::new(Cluster::builder().tcp().start().expect("a cluster")));
    let mut world = world_on(cluster);
    let afar = url(&world, ELSEWHERE, "");
    let refused = sync_at(&mut world, &afar);
    assert_refused(
        &refused,
        3,
        &["the server accepts no encrypted connections", "sslmode=disable"],
    );
    let plain = url(&world, ELSEWHERE, "?sslmode=disable");
    let finished = sync_at(&mut world, &plain);
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(finished.stderr.matches("is not encrypted").count(), 1, "{finished:#?}");
    let here = url(&world, "127.0.0.1", "");
    let finished = sync_at(&mut world, &here);
    assert!(!finished.stderr.contains("encrypted"), "{finished:#?}");
}

#[test]
fn the_variable_that_url_env_names_is_used_and_no_other() {
    let cluster = &encrypted().cluster;
    let pooler = Pooler::start(
        cluster,
        &format!(
            "host={} port={}",
            cluster.socket_dir().display(),
            cluster.port().expect("a port")
        ),
        2,
    );
    let mut world = world();
    world.write_config(&format!("[database]\nurl_env = \"DATABASE_CONNECTION_POOL_URL\"\n{ACME}"));
    world.unset("DATABASE_URL");
    assert_refused(&world.run(ON_DAY), 2, &["DATABASE_CONNECTION_POOL_URL is not set"]);
    world.set("DATABASE_CONNECTION_POOL_URL", &pooler.url(world.database.name()));
    world.set("DATABASE_URL", "postgres://user:hush-hush@127.0.0.1:1/nowhere");
    let finished = world.run(ON_DAY);
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(world.sql("SELECT status FROM audit_events_log"), "SUCCESS");
    let check = world.run("check");
    assert_eq!(check.status, 0, "{check:#?}");
    assert!(check.stdout.contains("so a pooler or a tunnel is in between"), "{check:#?}");
}

#[test]
fn a_preflight_shows_how_the_connection_is_protected() {
    let mut world = world();
    let addresses = [
        (
            with_ca(&world, "localhost", "verify-full"),
            0,
            "encrypted; the certificate's CA and host are verified\n",
        ),
        (
            with_ca(&world, "127.0.0.1", "verify-ca"),
            0,
            "encrypted; the certificate's CA is verified, its host is not\n",
        ),
        (
            url(&world, ELSEWHERE, ""),
            0,
            "encrypted; the certificate is not verified. If the server has a certificate",
        ),
        (
            url(&world, ELSEWHERE, "?sslmode=disable"),
            1,
            "not encrypted. Remove sslmode=disable from the URL",
        ),
        (url(&world, "localhost", ""), 0, "the connection does not leave this machine\n"),
        (url(&world, "localhost", "?sslmode=verify-full"), 1, "can't be reached over TLS"),
    ];
    for (url, status, said) in addresses {
        world.set("DATABASE_URL", &url);
        let check = world.run("check");
        assert_eq!(check.status, status, "{check:#?}");
        assert!(check.stdout.contains(said), "{said:?} is not in {check:#?}");
        assert_ne!(check.stdout.contains("pooler"), said.contains("reached"), "{check:#?}");
        assert!(!check.stdout.contains("is in between"), "{check:#?}");
    }
}
