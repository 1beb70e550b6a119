//! A large day, in pages, compared with other ways to load it.

use crate::Result;
use crate::dlt;
use crate::process::{self, Taken};
use crate::stage::{PAGES, Stage, TOKEN, day, shell};
use crate::table::{Table, mib, ratio};

/// The number of events.
pub(crate) const EVENTS: usize = 50_000;

/// What a careful person would write by hand: every page, and a few columns beside the event.
const BY_HAND: &str = r#"
range='id ..; max=1000'
while [ -n "$range" ]; do
    curl -sS --fail --compressed -D "$FOLDER/headers" \
        "$URL/enterprise-accounts/acme/events?day=$DAY&order=asc" \
        -H "Authorization: Bearer $TOKEN" -H "Range: $range" \
        -H 'Accept: application/vnd.heroku+json; version=3' |
        jq -r '.[] | [.id, .created_at, .type, .action, .actor.email, tojson] | @csv'
    range=$(sed -n 's/^next-range: *//Ip' "$FOLDER/headers" | tr -d '\r')
done | $PSQL -c '\copy events FROM STDIN (FORMAT csv)'
"#;

pub(crate) fn measure(table: &mut Table, events: usize, runs: usize) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    stage.heroku.set_paging(PAGES);
    stage.heroku.generate_day("acme", day(), events);
    // Generate them before, so that their generation is not measured.
    stage.heroku.put_day("acme", day(), stage.heroku.day("acme", day()));
    let (mut own, mut by_hand, mut bare, mut by_dlt) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let dlt = dlt::Installed::find();
    for run in 0..runs {
        let database = format!("own_{run}");
        own.push(stage.sync_day(&database, day(), events)?);
        by_hand.push(with_curl(&stage, &format!("by_hand_{run}"), events)?);
        bare.push(with_copy(&stage, &database, &format!("bare_{run}"), events)?);
        if let Ok(dlt) = &dlt {
            by_dlt.push(dlt.load(&stage, &format!("dlt_{run}"), events)?);
        }
        stage.drop_database(&database)?;
    }
    let Taken { wall: ours, peak_kib, cpu, .. } = Taken::median(&own);
    let rate = events as f64 / ours.as_secs_f64();
    table.row(
        format!("a day of {events} events"),
        format!("{ours:.2?}, {rate:.0} events/s, {cpu:.2?} of processor, {}", mib(peak_kib)),
        "",
    );
    for (other, taken, target) in [
        ("`curl` + `jq` + `\\copy` into a table with one key", &by_hand, "≤ 0.35"),
        ("a bare `COPY` of the same rows into the same tables and indexes", &bare, "≤ 1.5"),
        ("dlt's merge into PostgreSQL", &by_dlt, "≤ 0.12"),
    ] {
        let (figure, beside) = if let (true, Err(reason)) = (taken.is_empty(), &dlt) {
            (format!("skipped: {reason}"), String::new())
        } else {
            let theirs = Taken::median(taken).wall;
            (format!("**{}**", ratio(ours, theirs)), format!(", {theirs:.2?}"))
        };
        table.row(format!("… against {other}{beside}"), figure, target);
    }
    if let Ok(dlt) = &dlt {
        table.note(format!(
            "dlt {}, including Python and its start, without child tables, `data` as text",
            dlt.version()
        ));
    }
    Ok(())
}

fn with_curl(stage: &Stage, database: &str, events: usize) -> Result<Taken> {
    stage.cluster.create_database(database)?;
    stage.cluster.psql(
        database,
        "CREATE TABLE events (id text PRIMARY KEY, created_at timestamptz, type text, action text,
                              actor text, event json)",
    )?;
    let mut command = shell(&BY_HAND.replace("$PSQL", &stage.psql(database)));
    command
        .env("FOLDER", stage.folder.path())
        .env("URL", stage.heroku.url())
        .env("DAY", day().to_string());
    let taken = process::run(command.env("TOKEN", TOKEN))?;
    expect(stage, database, "events", events)?;
    stage.drop_database(database)?;
    Ok(taken)
}

/// Copy only the rows that the program wrote, as they are stored.
fn with_copy(stage: &Stage, from: &str, database: &str, events: usize) -> Result<Taken> {
    stage.migrated(database)?;
    let file = stage.folder.path().join("rows");
    let psql = |database, verb| {
        shell(&format!(
            "{} -c \"\\copy audit_events {verb} '{}'\"",
            stage.psql(database),
            file.display()
        ))
    };
    process::run(&psql(from, "TO"))?;
    let taken = process::run(&psql(database, "FROM"))?;
    expect(stage, database, "audit_events", events)?;
    stage.drop_database(database)?;
    Ok(taken)
}

/// Check that all events are in a table.
pub(crate) fn expect(stage: &Stage, database: &str, table: &str, events: usize) -> Result<()> {
    let found = stage.cluster.psql(database, &format!("SELECT count(*) FROM {table}"))?;
    if found == events.to_string() {
        Ok(())
    } else {
        Err(format!("{database}: {found} events, not {events}").into())
    }
}
