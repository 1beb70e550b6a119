//! A body counts as read when its last byte was read: every gzip member and the end of the
//! transfer, with nothing left over.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;

use fake_heroku::gzip;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::Value;

use crate::support::raw::{http, serve};
use crate::support::{ACME, DAY, World, day, numbered, source};

const LIST: &[u8] = br#"[{"id":"a","x":"]\u0000"},{"id":"b"}]"#;
const GZIP: &str = "Content-Encoding: gzip\r\n";

/// A complete answer with a length, however odd its body.
fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An answer without a length, which ends with the connection.
fn without_length(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}Connection: close\r\n\r\n").as_bytes(), body].concat()
}

/// An answer in these chunks followed by `end`, which is "0\r\n\r\n" in a correct answer.
fn chunked(headers: &str, chunks: &[&[u8]], end: &str) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    for chunk in chunks {
        bytes.extend([format!("{:x};note=1\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    bytes.extend(end.as_bytes());
    bytes
}

/// One gzip member for each part.
fn members(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| gzip(part).to_vec()).collect()
}

/// `LIST` with every field that a gzip header may have.
fn with_a_long_header() -> Vec<u8> {
    let builder = GzBuilder::new().extra(vec![7; 300]).filename("list.json").comment("an answer");
    let mut encoder: GzEncoder<Vec<u8>> = builder.write(Vec::new(), Compression::best());
    encoder.write_all(LIST).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes")
}

/// The bytes with one bit flipped at `from_end`.
fn damaged(mut bytes: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = bytes.len() - from_end;
    bytes[at] ^= 1;
    bytes
}

/// Serves each answer once, to an account of its own, followed by a good one. Returns the report of
/// each day.
fn once_each(answers: Vec<(&'static str, Vec<u8>)>) -> Vec<(&'static str, Value)> {
    let names: Vec<_> = answers.iter().map(|(name, _)| *name).collect();
    let sources = numbered::accounts(names.len());
    let world = World::new(&sources);
    let given = Mutex::new(HashSet::new());
    let url = serve(move |_, head| {
        let number = numbered::account_number(head);
        let is_first = given.lock().expect("a lock").insert(number);
        if is_first { answers[number].1.clone() } else { answer("", LIST) }
    });
    let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_interval = \"10ms\"\nmax_attempts = 2\n";
    world.write_file(&format!(
        "[api]\nbase_url = \"{url}\"\n[rate_limit]\nburst = 1000\n{retry}{sources}"
    ));
    let report = world.sync(&format!("--date {DAY}"), 0);
    let sources = (0..).map(|number| format!("a{number:03}"));
    names
        .into_iter()
        .zip(sources)
        .map(|(name, source)| (name, day(&report, &source, DAY).clone()))
        .collect()
}

fn assert_read_again(answers: Vec<(&'static str, Vec<u8>)>) {
    for (name, row) in once_each(answers) {
        assert_eq!((&row["retries"], &row["events"]), (&1.into(), &2.into()), "{name}: {row:#}");
    }
}

fn assert_taken(answers: Vec<(&'static str, Vec<u8>)>) {
    for (name, row) in once_each(answers) {
        assert_eq!((&row["retries"], &row["events"]), (&0.into(), &2.into()), "{name}: {row:#}");
    }
}

#[test]
fn a_list_in_several_members_or_with_any_header_is_one_list() {
    let half = LIST.len() / 2;
    let two = members(&[&LIST[..half], &LIST[half..]]);
    let cut = two.len() - 5;
    assert_taken(vec![
        ("two members", answer(GZIP, &two)),
        (
            "two members in chunks",
            chunked(GZIP, &[&two[..7], &two[7..cut], &two[cut..]], "0\r\n\r\n"),
        ),
        ("two members without a length", without_length(GZIP, &two)),
        ("a member for each byte", answer(GZIP, &members(&LIST.chunks(1).collect::<Vec<_>>()))),
        ("empty members", answer(GZIP, &members(&[b"", LIST, b"", b""]))),
        ("a last member of white space", answer(GZIP, &members(&[LIST, b" \r\n\t"]))),
        ("a long header", answer(GZIP, &with_a_long_header())),
        ("another name", answer("Content-Encoding: x-gzip\r\n", &two)),
        ("in capitals", answer("CONTENT-ENCODING: GZip\r\n", &two)),
        ("identity and gzip", answer("Content-Encoding: identity, gzip\r\n", &two)),
        ("identity", answer("Content-Encoding: Identity\r\n", LIST)),
    ]);
}

#[test]
fn bytes_after_the_list_or_its_gzip_make_the_page_be_read_again() {
    let whole = gzip(LIST).to_vec();
    let followed = |more: &[u8]| answer(GZIP, &[&whole, more].concat());
    assert_read_again(vec![
        ("a member of garbage", answer(GZIP, &members(&[LIST, b"x"]))),
        ("a member of zeros", answer(GZIP, &members(&[LIST, b"\0\0"]))),
        ("another list", answer(GZIP, &members(&[LIST, LIST]))),
        ("more of the list", answer(GZIP, &members(&[LIST, br#",{"id":"c"}]"#]))),
        ("garbage", followed(b"garbage")),
        ("a byte", followed(b"\x1f")),
        ("white space", followed(b"\n")),
        ("a zero", followed(b"\0")),
        ("zeros", followed(&[0; 512])),
        ("half a header", followed(&whole[..6])),
        ("half a member", followed(&whole[..whole.len() - 9])),
        ("a member without its length", followed(&whole[..whole.len() - 4])),
        ("garbage in a chunk", chunked(GZIP, &[&whole, b"garbage"], "0\r\n\r\n")),
        ("zeros up to the connection's end", without_length(GZIP, &[&whole[..], &[0; 9]].concat())),
        ("plain garbage", answer("", &[LIST, b"x"].concat())),
        ("a plain zero", answer("", &[LIST, b"\0"].concat())),
        ("a plain zero without a length", without_length("", &[LIST, b"\0"].concat())),
        ("plain garbage in a chunk", chunked("", &[LIST, b" ", b"{"], "0\r\n\r\n")),
    ]);
}

#[test]
fn damaged_gzip_is_requested_again_wherever_the_damage_is() {
    let two = members(&[&LIST[..9], &LIST[9..]]);
    let first = gzip(&LIST[..9]).len();
    assert_read_again(vec![
        ("the last length", answer(GZIP, &damaged(two.clone(), 1))),
        ("the last checksum", answer(GZIP, &damaged(two.clone(), 8))),
        ("the first length", answer(GZIP, &damaged(two.clone(), two.len() - first + 1))),
        ("the first checksum", answer(GZIP, &damaged(two.clone(), two.len() - first + 8))),
        ("the second header", answer(GZIP, &damaged(two.clone(), two.len() - first))),
        ("cut between the members", answer(GZIP, &two[..first])),
        ("no gzip at all", answer(GZIP, LIST)),
        ("nothing", answer(GZIP, b"")),
        ("gzip that is not announced", answer("", &two)),
    ]);
}

#[test]
fn an_unrequested_content_coding_is_named_and_never_read() {
    for (coding, named) in [
        ("br", "`br`"),
        ("gzip, gzip", "`gzip, gzip`"),
        ("gzip\r\nContent-Encoding: BR", "`gzip, br`"),
        ("deflate", "`deflate`"),
        ("zstd\u{e9}", "zstd"),
    ] {
        // Even where its bytes look like a list.
        let url = serve(move |_, _| answer(&format!("Content-Encoding: {coding}\r\n"), LIST));
        let world = World::new(ACME);
        let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 2\n";
        world.write_file(&format!("[api]\nbase_url = \"{url}\"\n{retry}{ACME}"));
        let report = world.sync("--date 2024-09-28", 1);
        let row = day(&report, "acme", DAY);
        assert!(row["error"].as_str().is_some_and(|error| error.contains(named)), "{row:#}");
        assert_eq!(row["requests"], 2, "it may pass: {row:#}");
        assert_eq!(world.sql("SELECT count(*) FROM audit_events"), "0");
    }
}

#[test]
fn only_gzip_is_requested() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let asked = world.heroku.requests();
    assert!(
        !asked.is_empty()
            && asked.iter().all(|request| request.accept_encoding.as_deref() == Some("gzip"))
    );
}

#[test]
fn a_transfer_is_read_to_its_end_after_the_list() {
    let short = |more: usize| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            LIST.len() + more
        );
        [head.as_bytes(), LIST].concat()
    };
    assert_read_again(vec![
        ("a byte is missing", short(1)),
        ("many are missing", short(9999)),
        ("no last chunk", chunked("", &[LIST], "")),
        ("half a last chunk", chunked("", &[LIST], "0\r\n")),
        ("a chunk that does not come", chunked("", &[LIST], "5\r\n")),
        ("a chunk of no size", chunked("", &[LIST], "x\r\n\r\n")),
        ("gzip without a last chunk", chunked(GZIP, &[&gzip(LIST)], "")),
        ("a list cut without a length", without_length("", &LIST[..LIST.len() - 1])),
    ]);
    assert_taken(vec![
        ("a list without a length", without_length("", LIST)),
        ("trailers", chunked("", &[LIST], "0\r\nChecked: yes\r\n\r\n")),
        ("chunks of one byte", chunked("", &LIST.chunks(1).collect::<Vec<_>>(), "0\r\n\r\n")),
        ("white space", answer("", &[LIST, b" \r\n\t "].concat())),
    ]);
}

/// Sends `odd` and resets the connection, then answers correctly.
fn reset_behind(odd: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let (mut head, mut byte) = (Vec::new(), [0]);
            // A connection that is closed before everything was read from it is reset.
            let end: &[u8] = if number == 0 { b"\r\n\r" } else { b"\r\n\r\n" };
            while !head.ends_with(end) && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                head.push(byte[0]);
            }
            let _ = stream.write_all(if number == 0 {
                &odd
            } else {
                b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[{\"id\":\"a\"}]"
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_connection_reset_after_the_list_is_no_end() {
    for odd in
        [without_length("", LIST), chunked("", &[LIST], ""), without_length(GZIP, &gzip(LIST))]
    {
        let world = World::new(ACME);
        let retry = "[retry]\ninitial_interval = \"5ms\"\n";
        world.write_file(&format!("[api]\nbase_url = \"{}\"\n{retry}{ACME}", reset_behind(odd)));
        let report = world.sync("--date 2024-09-28", 0);
        assert_eq!(day(&report, "acme", DAY)["retries"], 1, "{report:#}");
    }
}

/// Answers each request on a connection that stays open. After the first answer comes an
/// unsolicited one.
fn with_an_answer_too_many() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let (mut stream, mut head, mut byte) =
                    (stream.expect("a connection"), Vec::new(), [0]);
                while stream.read(&mut byte).is_ok_and(|length| length == 1) {
                    head.push(byte[0]);
                    if !head.ends_with(b"\r\n\r\n") {
                        continue;
                    }
                    let text = String::from_utf8_lossy(&head).into_owned();
                    let (status, list, more) = if text.contains("\r\nrange: ") {
                        ("200 OK", r#"[{"id":"b"}]"#, "")
                    } else {
                        let more = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[{\"id\":\"x\"}]";
                        (
                            "206 Partial Content\r\nNext-Range: id ]a..; max=1",
                            r#"[{"id":"a"}]"#,
                            more,
                        )
                    };
                    let answer =
                        format!("HTTP/1.1 {status}\r\nContent-Length: 12\r\n\r\n{list}{more}");
                    let _ = stream.write_all(answer.as_bytes());
                    head.clear();
                }
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn an_unsolicited_answer_answers_no_request() {
    let world = World::new(ACME);
    let retry = "[retry]\ninitial_interval = \"5ms\"\n";
    world
        .write_file(&format!("[api]\nbase_url = \"{}\"\n{retry}{ACME}", with_an_answer_too_many()));
    world.sync("--date 2024-09-28", 0);
    assert_eq!(
        world.sql("SELECT string_agg(event_id, '' ORDER BY event_id) FROM audit_events"),
        "ab"
    );
}

#[test]
fn a_byte_order_mark_before_the_list_is_ignored_and_no_other() {
    let marked = [b"\xef\xbb\xbf", LIST].concat();
    assert_taken(vec![
        ("plain", answer("", &marked)),
        ("in gzip", answer(GZIP, &gzip(&marked))),
        ("in chunks", chunked("", &[&marked[..1], &marked[1..2], &marked[2..]], "0\r\n\r\n")),
        ("before white space", answer("", &[b"\xef\xbb\xbf \n", LIST].concat())),
    ]);
    assert_read_again(vec![
        ("twice", answer("", &[b"\xef\xbb\xbf", &marked[..]].concat())),
        ("cut", answer("", &[b"\xef\xbb", LIST].concat())),
        ("alone", answer("", b"\xef\xbb\xbf")),
        ("behind white space", answer("", &[b" ", &marked[..]].concat())),
        ("behind the list", answer("", &[LIST, b"\xef\xbb\xbf"].concat())),
    ]);
}

#[test]
fn a_compressed_error_is_reported_in_heroku_s_words() {
    let body = gzip(br#"{"id":"forbidden","message":"No, you don't"}"#);
    let url = serve(move |_, _| {
        let head =
            format!("HTTP/1.1 403 Forbidden\r\n{GZIP}Content-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), &body].concat()
    });
    let world = World::new(ACME);
    world.write_file(&format!("[api]\nbase_url = \"{url}\"\n{ACME}"));
    let report = world.sync("--date 2024-09-28", 1);
    let row = day(&report, "acme", DAY);
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("forbidden: No, you don't")),
        "{row:#}"
    );
}

#[test]
fn a_single_object_is_read_to_its_end_too() {
    let home =
        r#"{"id":"t","name":"team-x","enterprise_account":{"id":"i","name":"other"}}"#.as_bytes();
    let source = source("acme", "acme") + "team = \"team-x\"\n";
    let padded = [home, &vec![b' '; 70_000]].concat();
    for (body, is_believed) in [
        (answer(GZIP, &members(&[&home[..9], &home[9..]])), true),
        (answer("", &[b"\xef\xbb\xbf", home].concat()), true),
        (answer(GZIP, &members(&[home, b"x"])), false),
        (answer(GZIP, &[&gzip(home), &b"\0"[..]].concat()), false),
        (answer("", &[home, b"x"].concat()), false),
        (answer("", &padded), false),
        (chunked("", &[home], ""), false),
    ] {
        let url = serve(move |_, head| {
            if head.contains("/enterprise-accounts/") {
                http("200 OK", "", "[]")
            } else {
                body.clone()
            }
        });
        let world = World::new(&source);
        let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 2\n";
        world.write_file(&format!("[api]\nbase_url = \"{url}\"\n{retry}{source}"));
        let report = world.sync("--date 2024-09-28", 1);
        let row = day(&report, "acme", DAY);
        let error = row["error"].as_str().expect("an error");
        assert_eq!(error.contains("in the enterprise account other"), is_believed, "{error}");
    }
}
