//! The ready-made queries of `sql/queries.sql` and `sql/dashboard.sql`, run on the fixtures.

use std::path::Path;

use crate::support::{THREE_ACCOUNTS_AND_A_TEAM, World, yesterday};

/// Each question of both files with its statement.
pub(crate) fn queries() -> Vec<(String, String)> {
    ["queries.sql", "dashboard.sql"].into_iter().flat_map(queries_of).collect()
}

fn queries_of(file: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(file);
    let text = std::fs::read_to_string(path).expect("the file");
    let parts = text.split_inclusive(";\n").filter(|part| part.contains("SELECT"));
    let parts = parts.map(|part| {
        let question = part
            .lines()
            .filter_map(|line| line.strip_prefix("-- "))
            .find(|line| line.contains('?'));
        (
            question.unwrap_or_else(|| panic!("no question before {part}")).to_owned(),
            part.to_owned(),
        )
    });
    parts.collect()
}

fn ask(world: &World, words: &str) -> String {
    let (_, sql) =
        queries().into_iter().find(|(question, _)| question.contains(words)).expect("a question");
    world.sql(&sql)
}

#[test]
fn each_query_answers_its_question_from_the_fixtures() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--from 2024-09-25 --to 2024-09-28", 0);
    let who = ask(&world, "Who deleted that app");
    let first = "2024-09-28 12:43:30+00|anna.bauer@example.com|worker-eu|team-a|";
    assert!(who.lines().any(|line| line.starts_with(first)), "{who}");
    let happened = ask(&world, "What happened on");
    assert_eq!(
        happened.lines().count().to_string(),
        world.sql("SELECT count(*) FROM audit_events WHERE process_date = '2024-09-28'")
    );
    assert!(ask(&world, "What did this person do").lines().count() > 10);
    assert!(ask(&world, "Who does what").lines().count() > 10);
    assert!(ask(&world, "From which addresses").lines().count() > 1);
    assert!(
        ask(&world, "beyond the columns").contains("|проба|"),
        "{}",
        ask(&world, "beyond the columns")
    );
    let months = ask(&world, "How much is there");
    assert!(months.lines().any(|line| line.starts_with("acme|2024-09|4|4|")), "{months}");
}

#[test]
fn queries_find_exactly_missing_days_late_events_and_interventions() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let first = yesterday() - chrono::Days::new(2);
    world.sync(&format!("--from {first} --to {}", yesterday()), 0);
    for question in ["What is missing", "Which events came late", "Manual interventions"] {
        assert_eq!(ask(&world, question), "", "{question}");
    }
    world.sql(&format!(
        "DELETE FROM audit_events_log WHERE source = 'acme' AND process_date = '{}'",
        yesterday()
    ));
    world.run(&format!("reset --source globex {first} --by ada --reason drill"));
    let missing = ask(&world, "What is missing");
    assert_eq!(missing, format!("globex|{first}|PENDING|\nacme|{}|MISSING|", yesterday()));
    assert!(
        ask(&world, "Manual interventions")
            .ends_with(&format!("|globex|{first}|reset|ada|was SUCCESS: drill"))
    );
    world.sql(&format!(
        "INSERT INTO audit_events (source, process_date, event_id, attempt, event, event_hash, via)
         VALUES ('initech', '{first}', 'late', 1, '{{}}', '', 'api')"
    ));
    assert!(ask(&world, "Which events came late").starts_with(&format!("initech|{first}|late||")));
}

#[test]
fn the_dashboard_shows_gaps_failures_removals_and_runs() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let [first, last] = [2, 1].map(|days| yesterday() - chrono::Days::new(days - 1));
    world.sync(&format!("--from {first} --to {last}"), 0);
    let healthy = ask(&world, "Is every source complete");
    assert!(healthy.lines().all(|row| row.ends_with(&format!("|{first}|{last}||0"))), "{healthy}");
    assert_eq!(healthy.lines().count(), 4);
    assert_eq!(ask(&world, "Which days failed"), "");
    assert_eq!(ask(&world, "How many events did each day have").lines().count(), 8);
    let runs = ask(&world, "When was the last run");
    assert!(runs.lines().count() == 1 && runs.contains("|8|0|"), "{runs}");
    assert!(ask(&world, "How much disk space").parse::<u64>().expect("a number") > 8192);
    assert!(ask(&world, "Where does the chain of seals end").starts_with("9|"));

    world.sql(&format!(
        "UPDATE audit_events_log SET status = 'FAILED', error_message = 'Heroku refused'
         WHERE source = 'globex' AND process_date = '{last}';
         DELETE FROM audit_events_log WHERE source = 'acme' AND process_date = '{first}';
         INSERT INTO audit_events
             (source, process_date, event_id, attempt, created_at, type, action, actor_email,
              app_name, event, event_hash, via)
         VALUES ('acme', '{last}', 'removal', 1, '{last} 10:00:00+00', 'app', 'destroy',
                 'ada@example.com', 'shop', '{{}}', '', 'api')"
    ));
    let open = ask(&world, "Is every source complete");
    let row = |source: &str, gap: &str, complete: &str| {
        let first_day = if source == "acme" { last } else { first };
        format!("{source}|{first_day}|{complete}|{gap}|")
    };
    assert!(open.contains(&row("globex", &last.to_string(), &first.to_string())), "{open}");
    let failed = ask(&world, "Which days failed");
    assert!(failed.starts_with(&format!("{last}|globex|FAILED|Heroku refused|")), "{failed}");
    assert!(ask(&world, "What was removed").contains("|acme|ada@example.com|app|destroy|shop|"));
    assert!(ask(&world, "Who acted most").contains("ada@example.com|1"));
}

#[test]
fn every_query_has_a_test() {
    let tests = include_str!("queries.rs");
    for (question, sql) in queries() {
        let asked = tests.split('"').any(|words| words.len() > 10 && question.contains(words));
        assert!(asked, "no test asks {question}");
        // A dashboard may run any of them.
        assert!(
            !["INSERT", "UPDATE", "DELETE"].iter().any(|word| sql.contains(word)),
            "{question}"
        );
    }
    assert!(queries_of("queries.sql").len() >= 10 && queries_of("dashboard.sql").len() >= 8);
}
