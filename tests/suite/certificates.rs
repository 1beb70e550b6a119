//! Certificates that can't protect a connection to the database: each is rejected with what to do.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use crate::support::key_files::place;
use crate::support::{ACME, Finished, World, wait_for};

/// Made by `openssl x509 -req` without extensions, as older servers have it.
const VERSION_1: [&str; 2] =
    [include_str!("certificates/v1.crt"), include_str!("certificates/v1.key")];

/// This machine, by an address that does not show it: connections to it must be encrypted.
const ELSEWHERE: &str = "0.0.0.0";

/// A server whose certificate each test chooses. One test at a time uses it.
fn server() -> (&'static Arc<Cluster>, MutexGuard<'static, ()>) {
    static SERVER: OnceLock<Arc<Cluster>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (SERVER.get_or_init(|| Arc::new(Cluster::builder().tcp().start().expect("a cluster"))), turn)
}

/// Makes the server present a certificate, with further settings, and with this line first in
/// `pg_hba.conf`.
fn show(cluster: &Cluster, [certificate, key]: [&str; 2], settings: &[(&str, &str)], rule: &str) {
    static NUMBER: Mutex<u32> = Mutex::new(0);
    let number = {
        let mut number = NUMBER.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        *number
    };
    let folder = cluster.socket_dir().display().to_string();
    let (crt, pem, hba) =
        (format!("{number}.crt"), format!("{number}.key"), format!("{number}.hba"));
    place(cluster, &crt, certificate);
    place(cluster, &pem, key);
    place(cluster, &hba, &format!("{rule}\nlocal all all trust\nhost all all all trust\n"));
    let of_test = [
        ("ssl_cert_file", format!("{folder}/{crt}")),
        ("ssl_key_file", format!("{folder}/{pem}")),
        ("ssl_ca_file", format!("{folder}/{crt}")),
        ("hba_file", format!("{folder}/{hba}")),
        ("ssl", "on".to_owned()),
    ];
    let more = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let lines = of_test
        .into_iter()
        .chain(more)
        .map(|(name, value)| format!("ALTER SYSTEM SET {name} = '{value}';\n"));
    let script = lines.fold("ALTER SYSTEM RESET ALL;\n".to_owned(), |script, line| script + &line);
    cluster.psql("postgres", &script).expect("the settings");
    // The file of rules is read only at a start.
    cluster.restart(pg_cluster::Shutdown::Fast).expect("a restart");
    wait_for("the server to encrypt", || {
        cluster.psql("postgres", "SHOW ssl").is_ok_and(|ssl| ssl == "on")
    });
}

fn world(cluster: &Arc<Cluster>) -> World {
    World::on(Database::on(cluster).expect("a database"), Fixtures::committed(), ACME)
}

fn status_at(world: &World, host: &str, query: &str) -> Finished {
    let port = world.database.cluster().and_then(Cluster::port).expect("a port");
    world.run(&format!(
        "status --database-url postgres://postgres@{host}:{port}/{}{query}",
        world.database.name()
    ))
}

fn assert_refused(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.status, 3, "{finished:#?}");
    for word in ["can't be reached over TLS"].iter().chain(words) {
        assert!(finished.stderr.contains(word), "{word:?} is not in {finished:#?}");
    }
}

/// A self-signed certificate, and its key.
fn own(change: impl FnOnce(&mut CertificateParams)) -> [String; 2] {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    change(&mut params);
    [params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem()]
}

fn plain() -> [String; 2] {
    own(|params| params.is_ca = IsCa::ExplicitNoCa)
}

fn texts(own: &[String; 2]) -> [&str; 2] {
    [&own[0], &own[1]]
}

#[test]
fn a_certificate_of_x509_version_1_is_rejected_with_what_to_do() {
    let (cluster, _turn) = server();
    show(cluster, VERSION_1, &[], "");
    let world = world(cluster);
    let words = ["X.509 version 1", "openssl req -x509", "sslmode=disable"];
    assert_refused(&status_at(&world, ELSEWHERE, ""), &words);
    assert_refused(&status_at(&world, ELSEWHERE, "?sslmode=require"), &words);
    let root = world.place("v1.crt", VERSION_1[0]);
    for mode in ["verify-ca", "verify-full"] {
        assert_refused(
            &status_at(&world, "localhost", &format!("?sslmode={mode}&sslrootcert={root}")),
            &words,
        );
    }
}

#[test]
fn sslmode_prefer_connects_without_tls_where_tls_fails() {
    let (cluster, _turn) = server();
    show(cluster, VERSION_1, &[], "");
    let world = world(cluster);
    for (host, query) in [
        ("localhost", ""),
        ("127.0.0.1", ""),
        ("localhost", "?sslmode=prefer"),
        ("localhost", "?sslmode=allow"),
    ] {
        let finished = status_at(&world, host, query);
        assert_eq!(
            (finished.status, finished.stderr.as_str()),
            (0, ""),
            "{host}{query}: {finished:#?}"
        );
    }
    for query in ["?sslmode=prefer", "?sslmode=allow"] {
        let finished = status_at(&world, ELSEWHERE, query);
        assert_eq!(finished.status, 0, "{query}: {finished:#?}");
        assert!(
            finished.stderr.contains("is not encrypted; to encrypt it, add sslmode=require"),
            "{query}: {finished:#?}"
        );
    }
    // With a readable certificate, `prefer` uses TLS.
    show(cluster, texts(&plain()), &[], "");
    let finished = status_at(&world, ELSEWHERE, "?sslmode=prefer");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(
        finished.stderr.contains("is encrypted, but its certificate is not verified"),
        "{finished:#?}"
    );
}

#[test]
fn sslmode_allow_uses_tls_where_the_server_requires_it() {
    let (cluster, _turn) = server();
    show(cluster, texts(&plain()), &[], "hostnossl all all all reject");
    let world = world(cluster);
    for (host, query) in [
        ("localhost", "?sslmode=allow"),
        ("localhost", ""),
        (ELSEWHERE, "?sslmode=allow"),
        (ELSEWHERE, ""),
    ] {
        let finished = status_at(&world, host, query);
        assert_eq!(finished.status, 0, "{host}{query}: {finished:#?}");
    }
    let refused = status_at(&world, ELSEWHERE, "?sslmode=disable");
    assert_eq!(refused.status, 3, "{refused:#?}");
    assert!(refused.stderr.contains("pg_hba.conf rejects connection"), "{refused:#?}");
}

#[test]
fn an_expired_or_ca_certificate_is_rejected_with_what_to_do() {
    let (cluster, _turn) = server();
    let expired = own(|params| {
        params.is_ca = IsCa::ExplicitNoCa;
        (params.not_before, params.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
    });
    let of_ca = own(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let early = own(|params| params.not_before = date_time_ymd(2990, 1, 1));
    for (certificate, words) in [
        (&expired, ["its certificate has expired", "Renew it on the server"]),
        (&early, ["its certificate is not valid yet", "Correct the clocks"]),
        (&of_ca, ["that of a CA", "basicConstraints=critical,CA:FALSE"]),
    ] {
        show(cluster, texts(certificate), &[], "");
        let world = world(cluster);
        let root = world.place("root.crt", &certificate[0]);
        assert_refused(
            &status_at(&world, "localhost", &format!("?sslmode=verify-full&sslrootcert={root}")),
            &words,
        );
        // Modes that do not verify accept it.
        assert_eq!(status_at(&world, ELSEWHERE, "?sslmode=require").status, 0);
    }
}

#[test]
fn a_certificate_made_as_advised_is_verified() {
    let (cluster, _turn) = server();
    let own = plain();
    show(cluster, texts(&own), &[], "");
    let world = world(cluster);
    let root = world.place("root.crt", &own[0]);
    for mode in ["verify-ca", "verify-full"] {
        let finished =
            status_at(&world, "localhost", &format!("?sslmode={mode}&sslrootcert={root}"));
        assert_eq!(finished.status, 0, "{mode}: {finished:#?}");
    }
}

#[test]
fn sslrootcert_system_means_this_machine_s_cas() {
    let (cluster, _turn) = server();
    let own = plain();
    show(cluster, texts(&own), &[], "");
    let mut world = world(cluster);
    let root = world.place("root.crt", &own[0]);
    world.set("SSL_CERT_FILE", &root);
    for query in ["?sslrootcert=system", "?sslmode=verify-full&sslrootcert=system"] {
        let finished = status_at(&world, "localhost", query);
        assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{query}: {finished:#?}");
    }
    assert_refused(&status_at(&world, "127.0.0.1", "?sslrootcert=system"), &["not valid for name"]);
    world.set("SSL_CERT_FILE", "/nowhere");
    let none = status_at(&world, "localhost", "?sslrootcert=system");
    assert_eq!(none.status, 2, "{none:#?}");
    assert!(
        none.stderr.contains("has no CA certificates") && none.stderr.contains("SSL_CERT_FILE"),
        "{none:#?}"
    );
}

#[test]
fn a_server_with_only_old_tls_is_rejected_with_that_reason() {
    let (cluster, _turn) = server();
    let old = [
        ("ssl_min_protocol_version", "TLSv1"),
        ("ssl_max_protocol_version", "TLSv1.1"),
        ("ssl_ciphers", "DEFAULT@SECLEVEL=0"),
    ];
    show(cluster, texts(&plain()), &old, "");
    let world = world(cluster);
    let words = ["speaks neither TLS 1.2 nor TLS 1.3", "ssl_max_protocol_version"];
    assert_refused(&status_at(&world, ELSEWHERE, ""), &words);
}

#[test]
fn the_client_certificate_in_the_address_is_sent_on_request() {
    let (cluster, _turn) = server();
    // It names the role and is self-signed, so it is its own CA.
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, "postgres");
    let own = [params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem()];
    show(cluster, texts(&own), &[], "hostssl all all all trust clientcert=verify-full");
    let world = world(cluster);
    let refused = status_at(&world, ELSEWHERE, "");
    assert_refused(
        &refused,
        &["connection requires a valid client certificate", "sslcert=FILE and sslkey=FILE"],
    );
    let (crt, pem) = (world.place("own.crt", &own[0]), world.place("own.key", &own[1]));
    let finished = status_at(&world, ELSEWHERE, &format!("?sslcert={crt}&sslkey={pem}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    let locked = world.place("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhush\n");
    let refused = status_at(&world, ELSEWHERE, &format!("?sslcert={crt}&sslkey={locked}"));
    assert_eq!(refused.status, 2, "{refused:#?}");
    assert!(
        refused.stderr.contains("`sslkey` names a file that is encrypted. Decrypt it with"),
        "{refused:#?}"
    );
}
