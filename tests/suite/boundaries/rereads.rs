//! The same for a day that is read again, and for one that comes from an archive.

use std::sync::LazyLock;

use fake_heroku::{Month, pack};

use super::*;

/// A day that was complete with the first of its events, ten minutes after its end.
static WHOLE_BEFORE: LazyLock<String> = LazyLock::new(|| {
    let [first, ..] = events();
    format!(
        "{NO_DAY};
         INSERT INTO audit_events (source, process_date, event_id, attempt, event, event_hash, via)
         VALUES ('acme', '{DAY}', 'a', 1, '{first}', sha256('{first}'), 'api');
         INSERT INTO audit_events_log (source, process_date, status, attempt, events_count,
         digest, scope, synced_at)
         VALUES ('acme', '{DAY}', 'SUCCESS', 1, 1, sha256(sha256('{first}')),
         '{{\"account\": \"acme\"}}', '2024-09-29 00:10Z');
         INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome,
         events, by)
         VALUES (gen_random_uuid(), 'acme', '{DAY}', 1, 'claim', 'processing', NULL, 'earlier');
         SELECT auditsync_seal(NULL, ARRAY['day', 'acme', '{DAY}', '1', '0', '1',
             encode(sha256(sha256('{first}')), 'hex'), '0', encode(sha256(''), 'hex'),
             '{{\"account\":\"acme\"}}', '2024-09-29T00:10:00.000000Z', '', ''])"
    )
});

#[test]
fn a_reread_survives_kills_and_cuts_and_counts_a_late_event_once() {
    let life = Life {
        undo: &WHOLE_BEFORE,
        run: |stage| stage.start(SYNC).wait(),
        begins_with: "INSERT INTO audit_events_log AS l",
        harm: |stage, finished| {
            stage.harm_unless_synced(finished, |row| {
                let figures =
                    (&row["outcome"], &row["events"], &row["late_events"], &row["conflicts"]);
                assert_eq!(figures, (&"synced".into(), &EVENTS.into(), &1.into(), &1.into()));
            })
        },
        next: |stage| {
            stage.world.expire_leases();
            stage.world.sync(&format!("--date {DAY}"), 0);
            stage.world.assert_complete("acme", DAY, &truth());
            let late =
                "SELECT sum(late_events), max(attempt) = (SELECT attempt FROM audit_events_log)
                        FROM audit_history WHERE action = 'publish'";
            assert_eq!(stage.world.sql(late), "1|t");
        },
    };
    let tally = life.end_everywhere();
    assert!(tally.steps > 50, "{}", tally.steps);
    assert_eq!(tally.harmed, [""; 0]);
}

#[test]
fn a_day_out_of_an_archive_survives_a_kill_and_a_cut_at_every_step() {
    let life = Life {
        undo: NO_DAY,
        run: |stage| {
            let events: Vec<Bytes> = events().map(Bytes::from).to_vec();
            stage.world.heroku.put_archive(
                "acme",
                Month { year: 2024, month: 9 },
                pack(&events[..1]),
            );
            stage
                .start("backfill --via archive --from 2024-09-28 --to 2024-09-28 --output json")
                .wait()
        },
        begins_with: "INSERT INTO audit_events_log AS l",
        harm: |stage, finished| {
            stage.harm_unless_synced(finished, |row| {
                let figures = (&row["outcome"], &row["events"], &row["new_events"]);
                assert_eq!(figures, (&"synced".into(), &1.into(), &1.into()));
            })
        },
        next: |stage| {
            stage.world.expire_leases();
            let next = stage.world.run("backfill --via archive --from 2024-09-28 --to 2024-09-28");
            assert_eq!(next.status, 0, "{next:#?}");
            let [first, ..] = events();
            stage.world.assert_complete(
                "acme",
                DAY,
                &BTreeMap::from([("a".to_owned(), first.into_bytes())]),
            );
            assert_eq!(stage.world.sql("SELECT DISTINCT via FROM audit_events"), "archive");
            stage.assert_history_explains_success();
        },
    };
    assert_eq!(life.end_everywhere().harmed, [""; 0]);
}
