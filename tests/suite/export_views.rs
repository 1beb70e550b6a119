//! `export` as NDJSON and CSV: each event once, in order, and the days that are not complete named.

mod after;
mod files;
mod selection;

use bytes::Bytes;
use serde_json::json;

use crate::support::screen::Screen;
use crate::support::{ACME, Finished, World, date, steers};

/// What an attacker may choose, each a formula for some spreadsheet.
const FORMULAS: [&str; 7] =
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(\"http://x\",\"y\")"];

fn export(world: &World, arguments: &str, status: i32) -> Finished {
    let finished = world.run(&format!("export {arguments}"));
    assert_eq!(finished.status, status, "{arguments}: {finished:#?}");
    finished
}

/// The value of a key in the last line of the log.
fn last_logged(finished: &Finished, key: &str) -> Option<String> {
    let line = finished.stderr.lines().last()?;
    assert!(line.contains("\"export finished\""), "{finished:#?}");
    let value = line.split(&format!(" {key}=")).nth(1)?.split(' ').next()?;
    Some(value.to_owned())
}

/// The ids in the lines of NDJSON.
fn ids(ndjson: &str) -> Vec<String> {
    let id = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        event["id"].as_str().or(event["event_id"].as_str()).expect("an id").to_owned()
    };
    ndjson.lines().map(id).collect()
}

/// The rows of CSV, with the headings first.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

#[test]
fn ndjson_has_each_event_once_by_source_date_and_id_byte_for_byte() {
    let by_id = "account = \"aaaaaaaa-0000-4000-8000-000000000001\"";
    let second = ACME.replace("name = \"acme\"", "name = \"aardvark\"");
    let second = second.replace("account = \"acme\"", by_id);
    let world = World::new(&format!("{ACME}{second}"));
    let events: [&[u8]; 4] = [
        b"{\"id\":\"c\",\r\n \"a\" : 1E+9999,\"a\":\"\xc2\x9b\"}",
        b"{\"id\":\"a\"}",
        b"{\"id\":\"b\",\"data\":\"caf\xe9\"}",
        b"{\"id\":\"B\",\"data\":\"\\n\"}",
    ];
    world.heroku.put_day("acme", date("2024-09-28"), events.map(Bytes::from_static).to_vec());
    world.heroku.put_day("acme", date("2024-09-27"), vec![Bytes::from_static(b"{\"id\":\"z\"}")]);
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let before = world.dump();
    let finished = export(&world, "--from 2024-09-27 --to 2024-09-28", 0);
    let of_source = "{\"id\":\"z\"}\n{\"id\":\"B\",\"data\":\"\\n\"}\n{\"id\":\"a\"}\n\
        {\"event_id\":\"b\",\"raw_base64\":\"eyJpZCI6ImIiLCJkYXRhIjoiY2Fm6SJ9\"}\n\
        {\"id\":\"c\",   \"a\" : 1E+9999,\"a\":\"\u{9b}\"}\n";
    assert_eq!(finished.stdout, of_source.repeat(2));
    let bytes = finished.stdout.len().to_string();
    for (key, value) in [("events", "10"), ("days", "4"), ("bytes", &*bytes)] {
        assert_eq!(last_logged(&finished, key).as_deref(), Some(value), "{key}: {finished:#?}");
    }
    assert_eq!(last_logged(&finished, "last_seq"), None, "only polling needs it");
    assert!(last_logged(&finished, "head_seal").is_some(), "{finished:#?}");
    assert_eq!(world.dump(), before, "an export changes nothing");
}

#[test]
fn csv_has_every_column_and_no_cell_that_begins_as_a_formula() {
    let world = World::new(ACME);
    let event = |(place, attack): (usize, &&str)| {
        let named = json!({ "name": attack, "id": attack, "email": attack });
        Bytes::from(
            json!({ "id": format!("{attack}{place}"), "type": attack, "action": attack,
                "actor": named, "app": named, "team": named, "owner": named,
                "created_at": "2024-09-28T10:00:00.5Z", "request": { "ip_address": "::1" } })
            .to_string(),
        )
    };
    let mut events: Vec<Bytes> = FORMULAS.iter().enumerate().map(event).collect();
    events.push(Bytes::from_static(b"-1"));
    events.push(Bytes::from_static(b"{\"id\":\"latin\",\"data\":\"caf\xe9\"}"));
    world.heroku.put_day("acme", date("2024-09-28"), events);
    world.sync("--date 2024-09-28", 0);
    let finished = export(&world, "--from 2024-09-28 --to 2024-09-28 --format csv", 0);
    let rows = rows(&finished.stdout);
    assert_eq!(
        rows[0].join(","),
        "source,date,event_id,created_at,type,action,actor_email,actor_id,app_name,app_id,\
         team_name,team_id,owner_email,ip_address,attempt,via,first_seen_at,sha256,event,raw_base64"
    );
    assert_eq!(rows.len(), 10);
    let is_formula = |cell: &&String| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    assert_eq!(rows.iter().flatten().find(is_formula), None);
    for attack in FORMULAS {
        let row = rows.iter().find(|row| row[2].starts_with(&format!("'{attack}")));
        let row = row.unwrap_or_else(|| panic!("{attack:?} is not in {rows:#?}"));
        assert_eq!(row[4..13], vec![format!("'{attack}"); 9], "{row:?}");
        assert_eq!((&*row[0], &*row[1]), ("acme", "2024-09-28"));
        assert_eq!((&*row[3], &*row[13]), ("2024-09-28T10:00:00.500000Z", "::1"));
        assert_eq!((&*row[14], &*row[15]), ("1", "api"));
        let hash = <sha2::Sha256 as sha2::Digest>::digest(row[18].as_bytes());
        assert_eq!(row[17], hex::encode(hash), "the hash of the event's own bytes");
    }
    assert!(rows.iter().any(|row| row[18] == "'-1"), "{rows:#?}");
    let latin = rows.iter().find(|row| row[2] == "latin").expect("a row");
    assert_eq!(latin[18..], ["", "eyJpZCI6ImxhdGluIiwiZGF0YSI6ImNhZukifQ=="]);
}

#[test]
fn an_export_to_a_terminal_steers_nothing_and_a_pipe_gets_the_exact_bytes() {
    let world = World::new(ACME);
    let hostile = "{\"id\":\"a\",\"app\":{\"name\":\"\u{9b}31m\u{202e}evil\"}}";
    world.heroku.put_day("acme", date("2024-09-28"), vec![Bytes::from_static(hostile.as_bytes())]);
    world.sync("--date 2024-09-28", 0);
    for format in ["ndjson", "csv"] {
        let arguments = format!("export -q --from 2024-09-28 --to 2024-09-28 --format {format}");
        let shown = Screen::start(&world.command(&arguments), (50, 250)).end();
        assert_eq!(shown.status, Some(0), "{shown:#?}");
        let odd = shown.raw.chars().find(|c| steers(*c) && *c != '\r');
        assert_eq!(odd, None, "{:?}", shown.raw);
        assert!(shown.raw.contains("evil"), "{:?}", shown.raw);
        let piped = world.run(&arguments);
        assert!(piped.stdout.contains("\u{9b}31m\u{202e}evil"), "{piped:#?}");
    }
}

#[test]
fn a_token_stays_in_the_bytes_of_an_event_and_is_in_no_log() {
    let world = World::new(ACME);
    let token = "HRKU-demo-acme-0001-not-a-secret";
    let event = format!("{{\"id\":\"a\",\"data\":\"{token}\"}}");
    world.heroku.put_day("acme", date("2024-09-28"), vec![event.clone().into()]);
    world.sync("--date 2024-09-28", 0);
    let finished = export(&world, "--from 2024-09-28 --to 2024-09-28 -vv", 0);
    assert_eq!(finished.stdout, event + "\n");
    assert!(!finished.stderr.contains(token), "{finished:#?}");
}

#[test]
fn a_reader_that_closes_the_pipe_ends_an_export_quietly() {
    let world = World::new(ACME);
    world.heroku.generate_day("acme", date("2024-09-28"), 5_000);
    world.sync("--date 2024-09-28", 0);
    for arguments in ["--from 2024-09-28 --to 2024-09-28", "--after 0", "--after 0 --format csv"] {
        let mut child = world.command(&format!("export {arguments}")).spawn().expect("a program");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {stderr}");
        assert!(!stderr.contains("last_seq") && !stderr.contains("finished"), "{stderr}");
        assert!(!stderr.contains("ERROR"), "{stderr}");
    }
}
