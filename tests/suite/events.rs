//! Events of any kind are stored byte for byte, and none is lost because of another.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::support::{ACME, DAY, World, date, day, digest};

const ON_DAY: &str = "--date 2024-09-28";

/// Syncs a day of `events` and returns the world and the day's report.
fn synced(events: &[&str]) -> (World, serde_json::Value) {
    let world = World::new(ACME);
    world.heroku.put_day(
        "acme",
        date(DAY),
        events.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect(),
    );
    let report = world.sync(ON_DAY, 0);
    let report = day(&report, "acme", DAY).clone();
    (world, report)
}

fn by_id(events: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    events.iter().map(|(id, text)| ((*id).to_owned(), text.as_bytes().to_vec())).collect()
}

#[test]
fn odd_but_valid_json_is_stored_as_it_came() {
    let events = [
        ("order", r#"{ "data" : {"b":1,"a":2} ,  "id":"order"}"#),
        ("nul", r#"{"id":"nul","data":{"x":"a\u0000b"}}"#),
        ("lone", r#"{"id":"lone","data":"\ud800 \udfff"}"#),
        ("big", r#"{"id":"big","n":123456789012345678901234567890.10e-999,"m":1E+9999,"z":-0.0}"#),
        ("twice", r#"{"id":"no","id":"twice","x":1,"x":2}"#),
        ("new", r#"{"id":"new","type":"never.seen","action":"fly","unknown":{"y":[null,true]}}"#),
        (
            "nulls",
            r#"{"id":"nulls","actor":null,"app":null,"team":null,"owner":null,"request":null,
                "created_at":null}"#,
        ),
        ("zone", r#"{"id":"zone","created_at":"2024-09-29T01:30:00.123456+02:00"}"#),
        ("odd-ip", r#"{"id":"odd-ip","request":{"ip_address":"unknown"}}"#),
        ("unicode", r#"{"id":"unicode","actor":{"email":"李雷@example.org"},"data":"🙂 é"}"#),
    ];
    let (world, report) = synced(&events.map(|(_, text)| text));
    assert_eq!(report["events"], events.len());
    world.assert_complete("acme", DAY, &by_id(&events));
    let derived = "SELECT created_at AT TIME ZONE 'UTC', ip_address IS NULL FROM audit_events \
        WHERE event_id = 'zone'";
    assert_eq!(world.sql(derived), "2024-09-28 23:30:00.123456|t");
    assert_eq!(world.sql("SELECT count(*) FROM audit_events WHERE event_raw IS NOT NULL"), "0");
}

#[test]
fn columns_are_derived_from_the_event() {
    let event = r#"{"id":"e","created_at":"2024-09-28T10:00:00Z","type":"app","action":"create",
        "actor":{"id":"ai","email":"a@x"},"app":{"id":"pi","name":"pn"},
        "team":{"id":"ti","name":"tn"},"owner":{"id":"oi","email":"o@x"},
        "request":{"ip_address":"2001:db8::7"}}"#;
    let (world, _) = synced(&[event]);
    let row = world.sql(
        "SELECT type, action, actor_email, actor_id, app_name, app_id, team_name, team_id,
         owner_email, ip_address, via,
                first_seen_at > now() - interval '1 min', encode(event_hash, 'hex')
                FROM audit_events",
    );
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(event));
    assert_eq!(row, format!("app|create|a@x|ai|pn|pi|tn|ti|o@x|2001:db8::7|api|t|{hash}"));
}

#[test]
fn an_event_that_the_database_rejects_is_kept_as_bytes_with_the_reason() {
    let deep = format!(r#"{{"id":"deep","data":{}1{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let events = [("a", r#"{"id":"a"}"#), ("deep", &deep), ("z", r#"{"id":"z"}"#)];
    let (world, report) = synced(&events.map(|(_, text)| text));
    assert_eq!(report["events"], 3);
    world.assert_complete("acme", DAY, &by_id(&events));
    let kept = world
        .sql("SELECT event_id, event_raw_reason FROM audit_events WHERE event_raw IS NOT NULL");
    assert_eq!(kept, "deep|stack depth limit exceeded");
}

#[test]
fn bytes_that_are_not_utf8_are_kept_as_bytes() {
    let world = World::new(ACME);
    let event = Bytes::from_static(b"{\"id\":\"latin\",\"data\":\"caf\xe9\"}");
    world.heroku.put_day("acme", date(DAY), vec![event.clone()]);
    world.sync(ON_DAY, 0);
    world.assert_complete("acme", DAY, &BTreeMap::from([("latin".to_owned(), event.to_vec())]));
}

#[test]
fn an_event_without_a_usable_id_is_stored_under_its_hash_with_a_warning() {
    let texts = [r#"{"type":"app"}"#, r#"{"id":null}"#, r#"{"id":7}"#, "null", r#""text""#];
    let world = World::new(ACME);
    world.heroku.put_day(
        "acme",
        date(DAY),
        texts.map(|text| Bytes::from_static(text.as_bytes())).to_vec(),
    );
    let finished = world.run(ON_DAY);
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(finished.stderr.matches("no usable id").count(), texts.len());
    let id = |text: &&str| {
        format!("sha256:{}", hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text)))
    };
    let expected = texts.iter().map(|text| (id(text), text.as_bytes().to_vec())).collect();
    world.assert_complete("acme", DAY, &expected);
}

#[test]
fn a_repeated_id_is_one_event_and_other_bytes_of_it_are_kept() {
    let events = [r#"{"id":"a"}"#, r#"{"id":"a"}"#, r#"{"id":"a","x":1}"#, r#"{"id":"b"}"#];
    let (world, report) = synced(&events);
    assert_eq!((&report["events"], &report["conflicts"]), (&2.into(), &1.into()));
    world.assert_complete("acme", DAY, &by_id(&[("a", events[0]), ("b", events[3])]));
    assert_eq!(
        world.sql("SELECT event_id, event FROM audit_event_conflicts"),
        r#"a|{"id":"a","x":1}"#
    );

    // Changed at Heroku after it was stored: the first version stays, and the other is kept beside
    // it once.
    world.heroku.put_day("acme", date(DAY), vec![Bytes::from_static(br#"{"id":"b","x":2}"#)]);
    for conflicts in [1, 0] {
        assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
        let report = world.sync("", 0);
        assert_eq!(day(&report, "acme", DAY)["conflicts"], conflicts);
        assert_eq!(day(&report, "acme", DAY)["events"], 2, "what Heroku lists no longer stays");
    }
    assert_eq!(world.sql("SELECT count(*) FROM audit_event_conflicts"), "2");
}

#[test]
fn an_id_repeated_in_a_later_batch_is_one_event_and_other_bytes_are_kept() {
    let numbered = |n: usize| format!(r#"{{"id":"e-{n:04}","n":{n}}}"#);
    // A batch has at most 2,000 events.
    let mut events: Vec<String> = (0..4100).map(numbered).collect();
    events[2500] = numbered(7);
    events[2501] = r#"{"id":"e-0008","n":"other"}"#.to_owned();
    events[4050] = numbered(9);
    let (world, report) = synced(&events.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(report["outcome"], "synced", "{report:#}");
    let figures =
        (&report["new_events"], &report["events"], &report["conflicts"], &report["attempt"]);
    assert_eq!(figures, (&4097.into(), &4097.into(), &1.into(), &1.into()), "{report:#}");
    let stored = world.sql(
        "SELECT event::text FROM audit_events \
            WHERE event_id IN ('e-0007', 'e-0008', 'e-0009') ORDER BY 1",
    );
    assert_eq!(stored.lines().collect::<Vec<_>>(), [numbered(7), numbered(8), numbered(9)]);
    assert_eq!(world.sql("SELECT event::text FROM audit_event_conflicts"), events[2501]);
}

#[test]
fn an_empty_answer_for_a_day_with_events_warns_and_deletes_nothing() {
    let (world, _) = synced(&[r#"{"id":"a"}"#]);
    world.heroku.put_day("acme", date(DAY), vec![]);
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let finished = world.run("");
    assert!(finished.stderr.contains("its stored events stay"), "{finished:#?}");
    world.assert_complete("acme", DAY, &by_id(&[("a", r#"{"id":"a"}"#)]));
}

#[test]
fn new_events_are_logged_as_configured() {
    let event = concat!(
        r#"{"id":"e-1","created_at":"2024-09-28T10:00:00Z","type":"app","action":"create","#,
        r#""actor":{"email":"a@x"}}"#
    );
    for (mode, lines, raw) in [("none", 0, false), ("summary", 1, false), ("full", 1, true)] {
        let world = World::new(&format!("[events]\nlog = \"{mode}\"\n{ACME}"));
        world.heroku.put_day("acme", date(DAY), vec![Bytes::from_static(event.as_bytes())]);
        let finished = world.run(&format!("{ON_DAY} --log-format json"));
        let logged: Vec<serde_json::Value> = finished
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect();
        let logged: Vec<_> = logged.iter().filter(|line| line["message"] == "new event").collect();
        assert_eq!(logged.len(), lines, "{mode}: {finished:#?}");
        for line in logged {
            let summary =
                ["created_at", "actor_email", "type", "action", "id"].map(|key| line[key].as_str());
            let expected = ["2024-09-28T10:00:00+00:00", "a@x", "app", "create", "e-1"].map(Some);
            assert_eq!(summary, expected);
            assert_eq!(line["event"].as_str() == Some(event), raw);
        }
    }
}

#[test]
fn the_digest_is_over_the_hashes_in_the_byte_order_of_the_ids() {
    // A linguistic order, and the order of arrival, would differ.
    let events = [
        ("b", r#"{"id":"b"}"#),
        ("a-", r#"{"id":"a-"}"#),
        ("B", r#"{"id":"B"}"#),
        ("é", r#"{"id":"é"}"#),
        ("a", r#"{"id":"a"}"#),
    ];
    let (world, _) = synced(&events.map(|(_, text)| text));
    let stored = world.sql("SELECT encode(digest, 'hex') FROM audit_events_log");
    assert_eq!(stored, hex::encode(digest(&by_id(&events))));
}
