//! An archive's file is unpacked to its last byte: all gzip members, and nothing after them except
//! zero bytes.

use fake_heroku::{Month, gzip};
use serde_json::Value;

use crate::support::{ACME, DAY, World, day};

/// One gzip member for each part.
fn members(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| gzip(part).to_vec()).collect()
}

const SEPTEMBER: Month = Month { year: 2024, month: 9 };

/// The result of a backfill from this archive of September, for one of its days.
fn backfilled(archive: Vec<u8>, status: i32) -> (String, Value) {
    let world = World::new(ACME);
    world.heroku.put_archive("acme", SEPTEMBER, archive);
    let finished =
        world.run("backfill --via archive --from 2024-09-28 --to 2024-09-28 --output json");
    assert_eq!(finished.status, status, "{finished:#?}");
    let ids =
        "SELECT string_agg(event_id, '' ORDER BY event_id) FROM audit_events JOIN audit_events_log
               USING (source, process_date) WHERE status = 'SUCCESS'";
    (world.sql(ids), day(&finished.json(), "acme", DAY).clone())
}

#[test]
fn zeros_behind_an_archive_are_ignored_and_nothing_else_is() {
    let list = br#"{"entries":[{"id":"a","created_at":"2024-09-28T01:00:00Z"},
        {"id":"b","created_at":"2024-09-28T02:00:00Z"}]}"#;
    let packed = gzip(list).to_vec();
    let two = members(&[&list[..40], &list[40..]]);
    let marked = [b"\xef\xbb\xbf", &list[..]].concat();
    for (file, name) in [
        ([&packed[..], &[0]].concat(), "a zero"),
        ([&two[..], &vec![0; 200_000]].concat(), "many zeros behind two members"),
        ([&list[..], &vec![0; 200_000]].concat(), "zeros behind a file that is not packed"),
        (two.clone(), "two members"),
        (members(&[b"", list, b"\n"]), "empty members"),
        (gzip(&marked).to_vec(), "a byte-order mark"),
        (marked.clone(), "a byte-order mark in a file that is not packed"),
    ] {
        let (ids, row) = backfilled(file, 0);
        assert_eq!(ids, "ab", "{name}: {row:#}");
    }
    for (file, name) in [
        ([&packed[..], b"garbage"].concat(), "garbage"),
        ([&packed[..], b"\0\0x"].concat(), "garbage behind zeros"),
        ([&packed[..], &[0; 512], &packed[..]].concat(), "a member behind zeros"),
        ([&packed[..], &vec![0; 200_000], b"x"].concat(), "garbage behind many zeros"),
        ([&packed[..], &packed[..20]].concat(), "half a member"),
        (members(&[list, b"\0"]), "a zero in the packed file"),
        ([&list[..], b"\0x"].concat(), "garbage in a file that is not packed"),
        (vec![0; 1000], "zeros alone"),
    ] {
        let (ids, row) = backfilled(file, 1);
        assert_eq!((ids.as_str(), &row["outcome"]), ("", &"failed".into()), "{name}: {row:#}");
    }
}
