//! HTTP/2 over TLS, as Heroku speaks it: streams that are reset, connections that are closed, and
//! what is logged of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use rcgen::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};

use crate::support::{ACME, DAY, World, day};

const LIST: &[u8] = br#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#;

/// The fate of a request.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Whole,
    /// The stream is reset before an answer.
    Refused,
    /// The stream is reset after half of the list.
    ResetHalfWay,
    /// The connection is closed after half of the list.
    Gone,
    /// The list comes with this `Content-Length` and the end of the stream.
    Length(usize),
    /// The list comes with trailers after it.
    Trailers,
    /// The list comes, and then a reset in place of the end of the stream.
    ResetBehind(Reason),
    /// The list comes, and then the connection is closed in place of the end of the stream.
    GoneBehind(Reason),
}

/// A server on `localhost` that gives these `answers` in turn and repeats the last one. Returns its
/// address and its certificate.
fn serve(answers: &'static [Answer]) -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)
        })
        .expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (sender, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender.send(listener.local_addr().expect("an address").port()).expect("the test waits");
            let seen = Arc::new(AtomicUsize::new(0));
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(connection(acceptor.clone(), stream, Arc::clone(&seen), answers));
            }
        });
    });
    (format!("https://localhost:{}", address.recv().expect("a port")), cert.pem())
}

async fn connection(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    seen: Arc<AtomicUsize>,
    answers: &[Answer],
) {
    let Ok(tls) = acceptor.accept(stream).await else { return };
    let Ok(mut connection) = h2::server::handshake(tls).await else { return };
    let mut leaves = None;
    loop {
        let accepted = match leaves {
            None => connection.accept().await,
            // Polling the connection once before closing it sends what it was given.
            Some(reason) => tokio::select! {
                biased;
                accepted = connection.accept() => accepted,
                () = tokio::task::yield_now() => {
                    connection.abrupt_shutdown(reason);
                    leaves = None;
                    continue;
                }
            },
        };
        let Some(Ok((_, respond))) = accepted else { return };
        let number = seen.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        leaves = give(answers[number], respond);
    }
}

/// Gives the answer, and returns why the connection has to be closed, if it has.
fn give(answer: Answer, mut respond: SendResponse<Bytes>) -> Option<Reason> {
    if let Answer::Refused = answer {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return None;
    }
    let mut head = http::Response::builder().header("Request-Id", "over-h2");
    if let Answer::Length(length) = answer {
        head = head.header("Content-Length", length);
    }
    let mut body =
        respond.send_response(head.body(()).expect("a head"), false).expect("the client listens");
    let (half, rest) = LIST.split_at(LIST.len() / 2);
    body.send_data(Bytes::from_static(half), false).expect("the client listens");
    let is_end = matches!(answer, Answer::Whole | Answer::Length(_));
    match answer {
        Answer::ResetHalfWay => body.send_reset(Reason::INTERNAL_ERROR),
        Answer::Gone => return Some(Reason::INTERNAL_ERROR),
        _ => body.send_data(Bytes::from_static(rest), is_end).expect("the client listens"),
    }
    match answer {
        Answer::Trailers => body.send_trailers(http::HeaderMap::new()).expect("the client listens"),
        // Only after the connection has sent what it was given, which happens before this task
        // runs.
        Answer::ResetBehind(reason) => drop(tokio::spawn(async move { body.send_reset(reason) })),
        Answer::GoneBehind(reason) => {
            // Dropping the sender would reset its stream.
            drop(tokio::spawn(async move {
                let _body = body;
                std::future::pending::<()>().await;
            }));
            return Some(reason);
        }
        _ => {}
    }
    None
}

fn world(answers: &'static [Answer]) -> World {
    let mut world = World::new(ACME);
    let (address, certificate) = serve(answers);
    let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 4\n";
    world.write_file(&format!("[api]\nbase_url = \"{address}\"\n{retry}{ACME}"));
    let file = world.place("certificate.pem", &certificate);
    world.set("SSL_CERT_FILE", &file);
    world
}

fn whole() -> std::collections::BTreeMap<String, Vec<u8>> {
    ["a", "b", "c"].map(|id| (id.to_owned(), format!(r#"{{"id":"{id}"}}"#).into_bytes())).into()
}

#[test]
fn a_reset_stream_and_an_abandoned_connection_are_retried() {
    let world = world(&[Answer::Refused, Answer::ResetHalfWay, Answer::Gone, Answer::Whole]);
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 3);
    world.assert_complete("acme", DAY, &whole());
}

#[test]
fn half_a_stream_never_completes_a_day() {
    for answers in [&[Answer::ResetHalfWay][..], &[Answer::Gone]] {
        let world = world(answers);
        let report = world.sync("--date 2024-09-28", 1);
        assert_eq!(day(&report, "acme", DAY)["requests"], 4);
        assert_eq!(world.sql("SELECT status FROM audit_events_log"), "FAILED");
    }
}

#[test]
fn a_stream_ends_with_its_list_with_nothing_missing_or_left_over() {
    const ANSWERS: [Answer; 3] = [
        Answer::Length(LIST.len() + 1),
        Answer::Length(LIST.len() - 1),
        Answer::Length(LIST.len()),
    ];
    let world = world(&ANSWERS);
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 2);
    world.assert_complete("acme", DAY, &whole());
}

#[test]
fn trailers_after_the_list_are_no_fault() {
    let world = world(&[Answer::Trailers]);
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 0);
}

#[test]
fn a_list_whose_stream_does_not_end_is_requested_again() {
    const REASONS: [Reason; 4] =
        [Reason::NO_ERROR, Reason::CANCEL, Reason::INTERNAL_ERROR, Reason::REFUSED_STREAM];
    for reason in REASONS {
        for answer in [Answer::ResetBehind(reason), Answer::GoneBehind(reason)] {
            let answers = Box::leak(Box::new([answer, Answer::Whole]));
            let world = world(answers);
            let report = world.sync("--date 2024-09-28", 0);
            assert_eq!(day(&report, "acme", DAY)["retries"], 1, "{answer:?}: {report:#}");
            world.assert_complete("acme", DAY, &whole());
        }
    }
}

#[test]
fn the_libraries_trace_logs_do_not_contain_the_token() {
    let mut world = world(&[Answer::Whole]);
    world.set("RUST_LOG", "trace");
    let finished = world.run("--date 2024-09-28");
    assert_eq!(finished.status, 0, "{}", finished.stderr.len());
    assert!(finished.stderr.contains("h2::"), "the library has its say");
    assert!(!finished.stderr.contains("HRKU-demo-acme-0001"));
}

#[test]
fn an_unverifiable_certificate_is_not_trusted() {
    let mut world = world(&[Answer::Whole]);
    world.unset("SSL_CERT_FILE");
    let report = world.sync("--date 2024-09-28", 1);
    let error = day(&report, "acme", DAY)["error"].to_string();
    assert!(error.contains("certificate"), "{error}");
}
