//! Rows that are deleted, added, moved, swapped or replaced consistently, and whole days.

use super::changes::Change;
use super::stage::store_copy;

/// The columns of an event that come from its bytes.
const FROM_BYTES: &str = "created_at, type, action, actor_email, actor_id, app_name, app_id, \
     team_name, team_id, owner_email, ip_address, event, event_raw, event_hash";

const EVENT: &str = "source = 'acme' AND event_id = 'a1'";
const SIMPLE: &str = "source = 'acme' AND process_date = '2024-09-20'";
const EMPTY: &str = "source = 'acme' AND process_date = '2024-09-21'";
const LATE: &str = "source = 'acme' AND process_date = '2024-09-22'";
const ADOPTED: &str = "source = 'acme' AND process_date = '2024-09-10'";
const CONFLICT: &str = "source = 'acme' AND event_id = 'c1'";

fn change(what: &str, sql: impl Into<String>, codes: &'static [&'static str]) -> Change {
    Change { what: what.to_owned(), sql: sql.into(), codes }
}

/// An update of the event a1.
fn edit(what: &str, set: &str, codes: &'static [&'static str]) -> Change {
    change(what, format!("UPDATE audit_events SET {set} WHERE {EVENT} RETURNING 1"), codes)
}

fn delete(what: &str, table: &str, condition: &str) -> Change {
    let sql = format!("DELETE FROM {table} WHERE {condition} RETURNING 1");
    change(what, sql, &["missing"])
}

/// Exchanges columns of two events of acme.
fn swap(what: &str, columns: &str, (one, other): (&str, &str)) -> Change {
    let sql = format!(
        "UPDATE audit_events AS e SET ({columns}) = (
             SELECT {columns} FROM audit_events AS o
             WHERE o.source = 'acme' AND e.event_id <> o.event_id
               AND o.event_id IN ('{one}', '{other}'))
         WHERE source = 'acme' AND event_id IN ('{one}', '{other}') RETURNING 1"
    );
    change(what, sql, &["altered", "missing"])
}

/// Changes of events, conflicts and the ledger.
pub(super) fn of_rows() -> Vec<Change> {
    [of_events(), of_conflicts(), of_ledger()].concat()
}

fn of_events() -> Vec<Change> {
    let text = "replace(event::text, '\"n\":1', '\"n\":2')";
    let returning = |sql: String| format!("{} RETURNING 1", sql.trim_end_matches(';'));
    let copy = |id: &str, attempt| returning(store_copy("a1", id, attempt));
    let days = ("a1", "b1");
    vec![
        edit(
            "edit an event and its hash",
            &format!("event = {text}::json, event_hash = sha256(convert_to({text}, 'UTF8'))"),
            &["altered"],
        ),
        edit(
            "keep an event as other bytes",
            "event = NULL, event_raw = 'evil', event_hash = sha256('evil')",
            &["altered"],
        ),
        edit(
            "give an event both forms",
            "event_raw = convert_to(event::text, 'UTF8')",
            &["altered"],
        ),
        delete("delete an event", "audit_events", EVENT),
        delete("delete a late event", "audit_events", "source = 'acme' AND event_id = 'b2'"),
        delete("delete a day's events", "audit_events", SIMPLE),
        delete("delete a source's events", "audit_events", "source = 'globex'"),
        delete("delete all events", "audit_events", "true"),
        change("insert an event", copy("a9", 1), &["added"]),
        change("insert an event of a later attempt", copy("a9", 2), &["added"]),
        change("insert an event of no attempt", copy("a9", 0), &["added"]),
        change(
            "repeat an event",
            format!(
                "INSERT INTO audit_events SELECT * FROM audit_events WHERE {EVENT} RETURNING 1"
            ),
            &["added"],
        ),
        change(
            "store a late event as one of the first reading",
            "UPDATE audit_events SET attempt = 1 WHERE source = 'acme' AND event_id = 'b2'
             RETURNING 1",
            &["added"],
        ),
        change(
            "store an event of the first reading as a late one",
            "UPDATE audit_events SET attempt = 3 WHERE source = 'acme' AND event_id = 'b1'
             RETURNING 1",
            &["missing"],
        ),
        change(
            "move an event to a complete day",
            format!(
                "UPDATE audit_events SET process_date = '2024-09-22' WHERE {EVENT} RETURNING 1"
            ),
            &["moved"],
        ),
        swap("swap two events' bytes", FROM_BYTES, ("a1", "a3")),
        swap("swap two events' ids", "event_id", ("a1", "a3")),
        swap("swap two events' days", "process_date", days),
        swap("swap two events of two days", &format!("event_id, {FROM_BYTES}"), days),
        swap("swap two events' attempts", "attempt", ("b1", "b3")),
    ]
}

fn of_conflicts() -> Vec<Change> {
    let text = "replace(event::text, 'destroy', 'forge')";
    vec![
        delete("delete a conflict", "audit_event_conflicts", CONFLICT),
        change(
            "edit a conflict and its hash",
            format!(
                "UPDATE audit_event_conflicts
                 SET event = {text}::json, event_hash = sha256(convert_to({text}, 'UTF8'))
                 WHERE {CONFLICT} RETURNING 1"
            ),
            &["altered"],
        ),
        change(
            "insert a conflict",
            format!(
                "INSERT INTO audit_event_conflicts
                 SELECT source, process_date, event_id, sha256(convert_to({text}, 'UTF8')), attempt,
                        {text}::json, NULL, NULL, seen_at
                 FROM audit_event_conflicts WHERE {CONFLICT} RETURNING 1"
            ),
            &["added"],
        ),
        change(
            "make an event of a conflict",
            "DELETE FROM audit_event_conflicts WHERE source = 'acme' AND event_id = 'c2';
             UPDATE audit_events SET event = replace(event::text, 'create', 'destroy')::json,
             event_hash = sha256(convert_to(replace(event::text, 'create', 'destroy'), 'UTF8')),
             action = 'destroy' WHERE source = 'acme' AND event_id = 'c2' RETURNING 1",
            &["altered"],
        ),
    ]
}

fn of_ledger() -> Vec<Change> {
    let ledger = "audit_events_log";
    let redate = |what: &str, condition: &str, date: &str| {
        let sql = format!(
            "UPDATE audit_events_log SET process_date = '{date}' WHERE {condition} RETURNING 1"
        );
        change(what, sql, &["missing"])
    };
    vec![
        delete("delete a day's row", ledger, SIMPLE),
        delete("delete an empty day", ledger, EMPTY),
        delete("delete an adopted day", ledger, ADOPTED),
        delete("drop a source from the ledger", ledger, "source = 'globex'"),
        delete("delete the ledger", ledger, "true"),
        redate("re-date a day's row", SIMPLE, "2024-08-01"),
        redate("re-date an empty day", EMPTY, "2024-08-01"),
        redate("re-date a day to infinity", LATE, "infinity"),
        change(
            "re-date a day with its events",
            format!(
                "UPDATE audit_events SET process_date = '2024-08-01' WHERE {SIMPLE};
                 UPDATE audit_events_log SET process_date = '2024-08-01' WHERE {SIMPLE} RETURNING 1"
            ),
            &["missing"],
        ),
        change(
            "delete a day, its events and its row",
            format!(
                "DELETE FROM audit_events WHERE {LATE};
                 DELETE FROM audit_events_log WHERE {LATE} RETURNING 1"
            ),
            &["missing"],
        ),
        change(
            "count the day after a deletion again",
            format!(
                "DELETE FROM audit_events WHERE {EVENT};
                 UPDATE audit_events_log SET events_count = 2, digest = (
                     SELECT sha256(string_agg(event_hash, ''::bytea ORDER BY event_id))
                     FROM audit_events WHERE {SIMPLE}) WHERE {SIMPLE} RETURNING 1"
            ),
            &["missing"],
        ),
        change(
            "repeat a day's row",
            format!(
                "INSERT INTO audit_events_log OVERRIDING SYSTEM VALUE
                 SELECT * FROM audit_events_log WHERE {SIMPLE} RETURNING 1"
            ),
            &["added"],
        ),
        change(
            "insert a complete day",
            "INSERT INTO audit_events_log (source, process_date, status, events_count, attempt)
             VALUES ('acme', '2024-08-01', 'SUCCESS', 0, 1) RETURNING 1",
            &["unsealed"],
        ),
        change(
            "swap the states of two days",
            "UPDATE audit_events_log AS e SET (events_count, digest) = (
                 SELECT events_count, digest FROM audit_events_log AS o
                 WHERE o.source = 'acme' AND e.process_date <> o.process_date
                   AND o.process_date IN ('2024-09-20', '2024-09-21'))
             WHERE source = 'acme' AND process_date IN ('2024-09-20', '2024-09-21') RETURNING 1",
            &["altered"],
        ),
    ]
}

/// Changes of the chain.
pub(super) fn of_seal_rows() -> Vec<Change> {
    let last = "seq = (SELECT max(seq) FROM audit_seals WHERE kind = 'day')";
    let of = "(SELECT max(seq) FROM audit_seals)";
    let swapped = |columns: &str| {
        format!(
            "UPDATE audit_seals AS e SET ({columns}) = (
                 SELECT {columns} FROM audit_seals AS o
                 WHERE o.seq IN (5, 6) AND o.seq <> e.seq)
             WHERE seq IN (5, 6) RETURNING 1"
        )
    };
    vec![
        delete("delete the first seal", "audit_seals", "seq = 1"),
        delete("delete a baseline", "audit_seals", "seq = 2"),
        delete("delete a seal", "audit_seals", "seq = 5"),
        delete("delete every second seal", "audit_seals", "seq % 2 = 0"),
        delete("delete all seals", "audit_seals", "true"),
        change(
            "cut off the seals from the last day's on",
            format!(
                "DELETE FROM audit_seals WHERE seq >= (SELECT seq FROM audit_seals WHERE {last})
                     RETURNING 1"
            ),
            &["unsealed", "added", "altered"],
        ),
        change(
            "swap two seals",
            swapped(
                "prev, seal, sealed, kind, source, process_date, attempt, \
            events_count, digest, sealed_at",
            ),
            &["moved"],
        ),
        change("swap two seals' texts", swapped("sealed, seal"), &["moved"]),
        change("swap two seals' hashes", swapped("seal"), &["altered"]),
        change(
            "repeat a seal",
            "INSERT INTO audit_seals SELECT * FROM audit_seals WHERE seq = 5 RETURNING 1",
            &["fork"],
        ),
        change(
            "repeat a seal at the end",
            format!(
                "INSERT INTO audit_seals SELECT {of} + 1, prev, seal, sealed, kind, source,
                 process_date, attempt, events_count, digest, sealed_at
                 FROM audit_seals WHERE seq = 5 RETURNING 1"
            ),
            &["moved"],
        ),
        change(
            "replace a seal's text and hash",
            "UPDATE audit_seals
             SET sealed = replace(sealed, '4:acme', '4:evil'), source = 'evil',
                 seal = sha256(convert_to(replace(sealed, '4:acme', '4:evil'), 'UTF8'))
             WHERE seq = 3 RETURNING 1",
            &["altered"],
        ),
    ]
}
