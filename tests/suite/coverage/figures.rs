//! The text and the document of `status` say the same: each word and each number.

use serde_json::Value;

use crate::report::words;
use crate::support::{ACME, World, yesterday};

/// Every state, in sources of every kind: rows by hand, because no run makes all of them at once.
const ROWS: &str = "
    INSERT INTO audit_events_log (source, process_date, status, events_count, attempt, scope,
                                  synced_at, settled_at, pruned_at, error_message, locked_by,
                                  locked_until, created_at)
    SELECT source, current_date - age, status, CASE WHEN age % 5 = 0 THEN 0 ELSE age END,
           1 + age % 3,
           jsonb_build_object('account', CASE WHEN age > 50 THEN 'old' ELSE source END),
           CASE WHEN read THEN clock_timestamp() END,
           CASE WHEN settled THEN clock_timestamp() END,
           CASE WHEN pruned THEN clock_timestamp() END,
           CASE WHEN status IN ('FAILED', 'ERROR')
                THEN 'Heroku refused: 403 (request ' || source || age || ', 2 attempts in '
                     || age || 'ms)' END,
           CASE WHEN status = 'PROCESSING' THEN 'run.1' END,
           CASE WHEN status = 'PROCESSING'
                THEN clock_timestamp() + interval '1 h' * CASE age % 2 WHEN 0 THEN 2 ELSE -2 END
           END, clock_timestamp()
    FROM (VALUES ('acme', 60), ('globex', 40), ('off', 50), ('gone', 20)) AS s (source, oldest)
    CROSS JOIN generate_series(1, 60) AS age
    CROSS JOIN LATERAL (
        SELECT CASE (age * 7 + length(source)) % 13
                   WHEN 0 THEN NULL WHEN 1 THEN 'FAILED' WHEN 2 THEN 'ERROR' WHEN 3 THEN 'PENDING'
                   WHEN 4 THEN 'PROCESSING' WHEN 5 THEN 'PROCESSING' ELSE 'SUCCESS' END AS status,
               (age * 7 + length(source)) % 13 <> 7 AS read,
               (age * 7 + length(source)) % 13 IN (8, 9, 10) AS settled,
               (age * 7 + length(source)) % 13 = 10 AS pruned
    ) AS kind
    WHERE age <= oldest AND status IS NOT NULL;
    INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome, events, by)
    SELECT gen_random_uuid(), source, process_date, 1,
           CASE attempt WHEN 1 THEN 'confirm' ELSE 'reconcile' END,
           CASE attempt WHEN 1 THEN 'confirmed' WHEN 2 THEN 'agrees' ELSE 'differs' END, 0, 'x'
    FROM audit_events_log WHERE events_count = 0 AND process_date > current_date - 30;";

fn rich() -> World {
    let of =
        |name: &str, more: &str| ACME.replace("\"acme\"", &format!("\"{name}\"")) + more + "\n";
    let since = yesterday() - chrono::Days::new(63);
    let world = World::new(
        &[
            of("acme", &format!("since = \"{since}\"")),
            of("globex", ""),
            of("off", "enabled = false"),
            of("new", ""),
        ]
        .concat(),
    );
    assert_eq!(world.run("migrate").status, 0);
    world.sql(ROWS);
    world
}

/// The document, and the text, of the same state.
fn both(world: &World, arguments: &str) -> (Value, String) {
    let document = world.run(&format!("status {arguments} --output json"));
    let text = world.run(&format!("status {arguments}"));
    assert_eq!(document.status, text.status, "{document:#?}\n{text:#?}");
    (document.json(), text.stdout)
}

/// A figure as the table shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The cells of the table's rows: the first table in the text.
fn table(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.starts_with("SOURCE")).skip(1);
    let rows = lines.take_while(|line| !line.is_empty());
    rows.map(|row| row.replace(" day", "-day").split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn number(source: &Value, key: &str) -> u64 {
    source[key].as_u64().unwrap_or_else(|| panic!("{key} of {source:#}"))
}

fn assert_same_table(report: &Value, text: &str) {
    let rows = table(text);
    let sources = report["sources"].as_array().expect("sources");
    assert_eq!(rows.len(), sources.len(), "{text}");
    for (row, source) in rows.iter().zip(sources) {
        let keys = [
            "source",
            "covered_from",
            "complete",
            "settled",
            "due",
            "syncing",
            "failed",
            "missing",
            "adopted",
            "oldest_gap",
        ];
        let mut expected: Vec<String> = keys.iter().map(|key| shown(&source[*key])).collect();
        expected.push(match source["lag_days"].as_u64() {
            None => "-".to_owned(),
            Some(1) => "1-day".to_owned(),
            Some(days) => format!("{days}-days"),
        });
        assert_eq!(row, &expected, "{text}");
    }
}

/// The ranges and notes of each source say what the document says.
fn assert_same_ranges(report: &Value, text: &str) {
    for source in report["sources"].as_array().expect("sources") {
        let ranges = source["ranges"].as_array().expect("ranges");
        for range in &ranges[ranges.len().saturating_sub(12)..] {
            let (from, to) = (shown(&range["from"]), shown(&range["to"]));
            let dates = if from == to { from } else { format!("{from}..{to}") };
            let until = match range["syncing_until"].as_str() {
                Some(until) => format!(" until {}Z", until[..19].replace('T', " ")),
                None => String::new(),
            };
            let count = range["day_count"].as_u64().expect("a number");
            let unit = if count == 1 { "day" } else { "days" };
            let state = shown(&range["state"]);
            let line = format!("  {dates:22}  {state}{until}, {count} {unit}");
            assert!(text.contains(&line), "{line}\n{text}");
        }
        let (days, words) =
            (number(source, "other_scope"), "read with another account, team or filter");
        let said = text.lines().any(|line| {
            line.trim().starts_with(&format!("{days} complete day")) && line.contains(words)
        });
        assert_eq!(said, days > 0, "other_scope of {}: {text}", source["source"]);
        let window = &source["in_window"];
        if window["day_count"] != 0 {
            let line = format!(
                "  {}: {} of {} day",
                shown(&source["source"]),
                window["complete"],
                window["day_count"]
            );
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }
}

/// The empty days of all sources are one line, with the figure of each.
fn assert_same_empty_days(report: &Value, text: &str) {
    let sources = report["sources"].as_array().expect("sources");
    let figures = sources.iter().map(|source| (source, number(source, "empty_unconfirmed")));
    let figures: Vec<_> = figures.filter(|(_, days)| *days > 0).collect();
    let words = " no event, and only Heroku's list says so: ";
    if figures.is_empty() {
        return assert!(!text.contains(words), "{text}");
    }
    let sum: u64 = figures.iter().map(|(_, days)| days).sum();
    let each = figures.iter().map(|(source, days)| format!("{} {days}", shown(&source["source"])));
    let (unit, have) = if sum == 1 { ("day", "has") } else { ("days", "have") };
    let line =
        format!("\n{sum} complete {unit} {have}{words}{}.\n", each.collect::<Vec<_>>().join(", "));
    assert_eq!(text.matches(&line).count(), 1, "{line}\n{text}");
    let is_known = figures.iter().any(|(source, _)| source["in_file"] == true);
    assert_eq!(text.matches("`auditsync reconcile --").count(), usize::from(is_known), "{text}");
}

/// The counts add up, and are those of the ranges and of the days.
fn assert_consistent(report: &Value) {
    let days = report["days"].as_array().expect("days");
    for source in report["sources"].as_array().expect("sources") {
        let ranges = source["ranges"].as_array().expect("ranges");
        let of = |states: &[&str]| -> u64 {
            let ranges = ranges.iter().filter(|range| states.contains(&&*shown(&range["state"])));
            ranges.map(|range| range["day_count"].as_u64().expect("a number")).sum()
        };
        for key in ["settled", "due", "syncing", "failed", "missing", "adopted", "pruned"] {
            assert_eq!(number(source, key), of(&[key]), "{key}: {source:#}");
        }
        assert_eq!(number(source, "complete"), of(&["complete", "settled"]), "{source:#}");
        for part in ["settled", "other_scope", "empty_unconfirmed"] {
            assert!(number(source, part) <= number(source, "complete"), "{part}: {source:#}");
        }
        let own = days.iter().filter(|day| day["source"] == source["source"]);
        let is_complete = |day: &&Value| ["complete", "settled"].contains(&&*shown(&day["state"]));
        let own: Vec<&Value> = own.collect();
        let complete = own.iter().copied().filter(is_complete).count();
        assert_eq!(source["in_window"]["day_count"], own.len(), "{source:#}");
        assert_eq!(source["in_window"]["complete"], complete, "{source:#}");
    }
}

fn assert_days_have_the_contract_s_keys(report: &Value) {
    let mut keys =
        ["source", "date", "state", "status", "events", "attempt", "error", "updated_at"];
    keys.sort_unstable();
    for day in report["days"].as_array().expect("days") {
        let own: Vec<&str> = day.as_object().expect("a day").keys().map(String::as_str).collect();
        assert_eq!(own, keys);
        assert_eq!(day["state"] == "missing", day["status"] == Value::Null, "{day:#}");
    }
    for key in ["checked_at", "from", "to", "ok", "max_lag_seconds", "head", "behind"] {
        assert!(report.get(key).is_some(), "{key} is absent");
    }
}

#[test]
fn text_and_document_agree_number_by_number_in_every_state() {
    let world = rich();
    let (month, first) = (yesterday().format("%Y-%m"), yesterday() - chrono::Days::new(70));
    for arguments in [
        String::new(),
        "--check".to_owned(),
        "--accept-adopted --max-lag 5d".to_owned(),
        "--days 3".to_owned(),
        "--source globex --source gone".to_owned(),
        format!("--month {month}"),
        format!("--from {first} --to -20d"),
    ] {
        let (report, text) = both(&world, &arguments);
        assert_same_table(&report, &text);
        assert_same_ranges(&report, &text);
        assert_same_empty_days(&report, &text);
        assert_consistent(&report);
        assert_days_have_the_contract_s_keys(&report);
        let behind = report["behind"].as_array().expect("a list");
        assert_eq!(report["ok"] == true, behind.is_empty(), "{arguments}: {report:#}");
        for one in behind {
            let (source, reason) = (shown(&one["source"]), shown(&one["reason"]));
            let is_said = |line: &str| {
                line.starts_with("BEHIND  ") && line.contains(&source) && line.ends_with(&reason)
            };
            assert!(text.lines().any(is_said), "{arguments}: {source} {reason}\n{text}");
        }
    }
    let states = "SELECT count(DISTINCT status) FROM audit_events_log";
    assert_eq!(world.sql(states), "5");
    let (report, _) = both(&world, "");
    let source = |name: &str| {
        let sources = report["sources"].as_array().expect("sources");
        sources.iter().find(|source| source["source"] == name).expect("the source").clone()
    };
    for key in ["settled", "due", "syncing", "failed", "missing", "adopted", "pruned"] {
        assert!(number(&source("acme"), key) > 0, "{key}: {report:#}");
    }
    assert!(number(&source("acme"), "other_scope") > 0);
    // What does not apply is null.
    for (name, key) in [("new", "covered_from"), ("new", "lag_days"), ("off", "lag_seconds")] {
        assert_eq!(source(name)[key], Value::Null, "{name} {key}");
    }
}

#[test]
fn empty_days_that_nothing_confirms_are_counted_as_the_report_counts_them() {
    let world = rich();
    // The page does not know pruned days.
    world.sql("UPDATE audit_events_log SET pruned_at = NULL");
    let (report, _) = both(&world, "");
    let (from, to) = (yesterday() - chrono::Days::new(70), yesterday());
    let page = world.run(&format!("report --from {from} --to {to} --out -"));
    assert_eq!(page.status, 0, "{page:#?}");
    let page = words(&page.stdout);
    let (_, rows) = page.split_once("Days that nothing confirmed ").expect("the table");
    for name in ["acme", "globex", "off", "gone"] {
        let sources = report["sources"].as_array().expect("sources");
        let source = sources.iter().find(|source| source["source"] == name).expect("the source");
        let expected = world.sql(&format!(
            "SELECT count(*) FROM audit_events_log AS l
             WHERE source = '{name}' AND events_count = 0 AND status = 'SUCCESS'
               AND synced_at IS NOT NULL AND (process_date <= current_date - 30 OR attempt = 3)"
        ));
        assert_eq!(source["empty_unconfirmed"].to_string(), expected, "{name}");
        let row = rows.split(' ').skip_while(|word| *word != name).skip(1);
        let figures: Vec<&str> = row.take(4).collect();
        assert_eq!(figures[3], expected, "{name}: {figures:?}");
    }
}
