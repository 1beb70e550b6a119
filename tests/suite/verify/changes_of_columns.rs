//! Each covered column of each table, with values of its type.

use super::changes::Change;
use crate::support::{ACME, World};

/// The rows to change, and the columns that `verify` checks. The other columns are not sealed.
#[derive(Clone, Copy)]
pub(super) struct Table {
    name: &'static str,
    /// Each row with the condition that selects it.
    rows: &'static [(&'static str, &'static str)],
    columns: &'static [Column],
    not_sealed: &'static [&'static str],
}

/// The columns with these names, the values to write, and the codes of which one must be reported.
#[derive(Clone, Copy)]
struct Column {
    names: &'static [&'static str],
    values: &'static [&'static str],
    codes: &'static [&'static str],
}

const TEXTS: &[&str] = &["NULL", "'evil'", "{C} || ' '"];
const HASHES: &[&str] = &["NULL", "''::bytea", "sha256('evil')"];
const DATES: &[&str] =
    &["NULL", "{C} - 1", "{C} + 90", "'infinity'", "'-infinity'", "'0044-03-15 BC'"];
const TIMES: &[&str] = &["NULL", "{C} + interval '1 us'", "'infinity'", "'-infinity'"];
/// Times at which nothing can be seen first that is sealed already.
const LATER: &[&str] = &["NULL", "clock_timestamp() + interval '1 day'", "'infinity'"];

const ALTERED: &[&str] = &["altered"];
const MOVED: &[&str] = &["missing"];

pub(super) const EVENTS: Table = Table {
    name: "audit_events",
    rows: &[
        ("an event", "source = 'acme' AND event_id = 'a1'"),
        ("an event kept as bytes", "source = 'acme' AND event_id = 'a2'"),
        ("a late event", "source = 'acme' AND event_id = 'b3'"),
    ],
    columns: &[
        Column { names: &["source"], values: &["NULL", "'evil'", "'initech'"], codes: MOVED },
        Column { names: &["process_date"], values: DATES, codes: MOVED },
        Column {
            names: &["attempt"],
            values: &["NULL", "0", "-1", "{C} + 1", "2147483647"],
            codes: &["missing", "added"],
        },
        Column { names: &["event_id"], values: TEXTS, codes: ALTERED },
        Column {
            names: &[
                "type",
                "action",
                "actor_email",
                "actor_id",
                "app_name",
                "app_id",
                "team_name",
                "team_id",
                "owner_email",
            ],
            values: TEXTS,
            codes: ALTERED,
        },
        Column { names: &["created_at"], values: TIMES, codes: ALTERED },
        Column {
            names: &["ip_address"],
            values: &["NULL", "'192.0.2.8'", "'192.0.2.0/24'"],
            codes: ALTERED,
        },
        Column {
            names: &["event"],
            values: &["NULL", r#"'{"id":"evil"}'"#, "({C}::text || ' ')::json"],
            codes: ALTERED,
        },
        Column { names: &["event_raw"], values: &["NULL", "'evil'", "{C} || ' '"], codes: ALTERED },
        Column { names: &["event_hash"], values: HASHES, codes: ALTERED },
        Column { names: &["via"], values: &["NULL", "'evil'"], codes: ALTERED },
        Column { names: &["first_seen_at"], values: LATER, codes: ALTERED },
    ],
    not_sealed: &["event_raw_reason"],
};

pub(super) const CONFLICTS: Table = Table {
    name: "audit_event_conflicts",
    rows: &[("a conflict", "source = 'acme' AND event_id = 'c1'")],
    columns: &[
        Column { names: &["source"], values: &["NULL", "'evil'"], codes: MOVED },
        Column { names: &["process_date"], values: DATES, codes: MOVED },
        Column {
            names: &["attempt"],
            values: &["NULL", "0", "-1", "{C} + 1", "2147483647"],
            codes: &["missing"],
        },
        // The first keeps its place among the conflicts, so their digest stays the same.
        Column { names: &["event_id"], values: &["'c11'", "NULL", "'evil'"], codes: ALTERED },
        Column { names: &["event_hash"], values: HASHES, codes: ALTERED },
        Column {
            names: &["event"],
            values: &["NULL", r#"'{"id":"c1"}'"#, "({C}::text || ' ')::json"],
            codes: ALTERED,
        },
        Column { names: &["event_raw"], values: &["'evil'"], codes: ALTERED },
        Column { names: &["seen_at"], values: LATER, codes: ALTERED },
    ],
    not_sealed: &["event_raw_reason"],
};

/// On a day that is due, a later attempt and its status are what a crash leaves, so the rows here
/// are of complete days and of a reset one.
pub(super) const LEDGER: Table = Table {
    name: "audit_events_log",
    rows: &[
        ("a complete day", "source = 'acme' AND process_date = '2024-09-20'"),
        ("an empty day", "source = 'acme' AND process_date = '2024-09-21'"),
        ("a day with late events", "source = 'acme' AND process_date = '2024-09-22'"),
        ("an adopted day", "source = 'acme' AND process_date = '2024-09-10'"),
        ("a day that is due", "source = 'acme' AND process_date = '2024-09-25'"),
    ],
    columns: &[
        Column { names: &["source"], values: &["NULL", "'evil'"], codes: MOVED },
        Column { names: &["process_date"], values: DATES, codes: MOVED },
        Column {
            names: &["status"],
            values: &["NULL", "'PENDING'", "'PROCESSING'", "'SUCCESS'", "'FAILED'", "'evil'"],
            codes: ALTERED,
        },
        Column {
            names: &["events_count"],
            values: &["NULL", "{C} + 1", "-1", "2147483647"],
            codes: ALTERED,
        },
        Column {
            names: &["attempt"],
            values: &["NULL", "-1", "{C} - 1", "CASE status WHEN 'SUCCESS' THEN {C} + 1 END"],
            codes: &["altered", "unsealed"],
        },
        Column { names: &["digest"], values: HASHES, codes: ALTERED },
        Column {
            names: &["scope"],
            values: &["NULL", "'{}'", r#"'{"account":"evil"}'"#],
            codes: ALTERED,
        },
    ],
    not_sealed: &[
        "id",
        "error_message",
        "locked_by",
        "locked_until",
        "synced_at",
        "settled_at",
        "pruned_at",
        "created_at",
        "updated_at",
    ],
};

pub(super) const SEALS: Table = Table {
    name: "audit_seals",
    rows: &[
        ("the first seal", "seq = 1"),
        ("a baseline", "source = 'acme' AND process_date = '2024-09-10'"),
        ("the seal of a day", "source = 'acme' AND process_date = '2024-09-20'"),
        ("a reset", "source = 'acme' AND process_date = '2024-09-25' AND kind = 'reset'"),
        ("the last seal", "seq = (SELECT max(seq) FROM audit_seals)"),
    ],
    columns: &[
        Column {
            names: &["seq"],
            values: &["{C} + 1000", "-{C}", "0", "9223372036854775807"],
            codes: &["moved"],
        },
        Column { names: &["prev", "seal", "digest"], values: HASHES, codes: ALTERED },
        Column {
            names: &["sealed"],
            values: &["NULL", "'evil'", "{C} || ' '", "replace({C}, ':', '::')"],
            codes: &["malformed"],
        },
        Column { names: &["kind", "source"], values: TEXTS, codes: ALTERED },
        Column { names: &["process_date"], values: DATES, codes: ALTERED },
        Column {
            names: &["attempt", "events_count"],
            values: &["NULL", "{C} + 1", "-1"],
            codes: ALTERED,
        },
        Column { names: &["sealed_at"], values: TIMES, codes: ALTERED },
    ],
    not_sealed: &[],
};

/// A change of each of the table's rows and columns to each value.
pub(super) fn of_columns(table: Table) -> Vec<Change> {
    let mut changes = Vec::new();
    for (row, condition) in table.rows {
        for column in table.columns {
            for (name, value) in column.names.iter().flat_map(|name| with_values(name, column)) {
                changes.push(Change {
                    what: format!("{row}: {name} = {value}"),
                    sql: format!(
                        "UPDATE {} SET {name} = {value}
                         WHERE {condition} AND {name}::text IS DISTINCT FROM ({value})::text
                         RETURNING 1",
                        table.name
                    ),
                    codes: column.codes,
                });
            }
        }
    }
    changes
}

fn with_values<'c>(name: &'c str, column: &'c Column) -> impl Iterator<Item = (&'c str, String)> {
    column.values.iter().map(move |value| (name, value.replace("{C}", name)))
}

#[test]
fn each_column_is_changed_or_named_as_not_sealed() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    for table in [EVENTS, CONFLICTS, LEDGER, SEALS] {
        let changed = table.columns.iter().flat_map(|column| column.names);
        let mut known: Vec<&str> = changed.chain(table.not_sealed).copied().collect();
        known.sort_unstable();
        let columns = format!(
            "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0
             AND NOT attisdropped ORDER BY attname COLLATE \"C\"",
            table.name
        );
        assert_eq!(world.sql(&columns).lines().collect::<Vec<_>>(), known, "{}", table.name);
    }
}
