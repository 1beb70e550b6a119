//! A server behind TLS that answers with any bytes, with a certificate of its own for `localhost`.

use std::sync::Arc;
use std::sync::mpsc;

use rcgen::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// Makes the complete answer from the server's own address and the head of a request.
type Answer = Arc<dyn Fn(&str, &str) -> Vec<u8> + Send + Sync>;

/// Serves until the test program ends. Returns the address, and the certificate to trust.
pub(crate) fn serve(
    answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static,
) -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)
        })
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let answer: Answer = Arc::new(answer);
    let (sender, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address =
                format!("https://localhost:{}", listener.local_addr().expect("an address").port());
            sender.send(address.clone()).expect("the test waits");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(connection(
                    acceptor.clone(),
                    stream,
                    address.clone(),
                    Arc::clone(&answer),
                ));
            }
        });
    });
    (address.recv().expect("an address"), cert.pem())
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, address: String, answer: Answer) {
    let Ok(mut tls) = acceptor.accept(stream).await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match tls.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let bytes = answer(&address, &String::from_utf8_lossy(&head));
    // The client may have disconnected already.
    let _ = tls.write_all(&bytes).await;
    let _ = tls.shutdown().await;
}
