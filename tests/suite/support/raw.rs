//! A server that answers with any bytes, where no HTTP server would send them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Serves on loopback until the test program ends, and returns the address. `answer` gets the
/// number of the request, from 0, and its head. The connection ends after what it returns.
pub(crate) fn serve(answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let requests = AtomicUsize::new(0);
    serve_streams(move |stream, head| {
        let number = requests.fetch_add(1, Ordering::SeqCst);
        // The client may have disconnected already.
        let _ = stream.write_all(&answer(number, head));
    })
}

/// The same for requests with a body. `answer` gets the head and the body.
pub(crate) fn serve_bodies(
    answer: impl Fn(&str, &[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> String {
    serve_streams(move |stream, head| {
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().expect("a number"))
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).expect("the body");
        let _ = stream.write_all(&answer(head, &body));
    })
}

fn serve_streams(answer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let mut head = Vec::new();
                let mut byte = [0];
                // A client that wants TLS sends no head, and gets an answer too.
                while !head.ends_with(b"\r\n\r\n") && head.first() != Some(&0x16) {
                    match stream.read(&mut byte) {
                        Ok(1) => head.push(byte[0]),
                        _ => return,
                    }
                }
                answer(&mut stream, &String::from_utf8_lossy(&head));
            });
        }
    });
    format!("http://{address}")
}

/// A proper answer: `status` is code and words, `headers` are complete lines, each with its line
/// end.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    http_bytes(status, headers, body.as_bytes())
}

/// The same with any bytes for a body.
pub(crate) fn http_bytes(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close");
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

/// A monitor that accepts every ping, and the first line of each request that it gets.
pub(crate) fn monitor() -> (String, mpsc::Receiver<String>) {
    let (heard, pings) = mpsc::channel();
    let address = serve(move |_, head| {
        let _ = heard.send(head.lines().next().unwrap_or_default().to_owned());
        http("200 OK", "", "OK")
    });
    (address, pings)
}
