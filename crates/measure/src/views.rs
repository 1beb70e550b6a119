//! The index that `events` needs, what it answers, and exports as NDJSON and CSV.

use chrono::Days;
use fake_heroku::Paging;

use crate::Result;
use crate::process::Taken;
use crate::stage::{Stage, day};
use crate::table::{Table, mib, ratio};

/// The sizes to compare, in events.
pub(crate) const EVENTS: [usize; 2] = [10_000, 200_000];

/// The day whose insert is measured, in events.
const LARGE_DAY: usize = 50_000;

/// The events of a day of an export.
const OF_A_DAY: usize = 10_000;

pub(crate) fn measure(table: &mut Table, sizes: &[usize], runs: usize) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    stage.heroku.set_paging(Paging::Whole);
    index(table, &stage, runs)?;
    for &events in sizes {
        export(table, &stage, events)?;
    }
    Ok(())
}

/// A day with the index and without it, in turns.
fn index(table: &mut Table, stage: &Stage, runs: usize) -> Result<()> {
    stage.heroku.generate_day("acme", day(), LARGE_DAY);
    let date = day().to_string();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut bytes = String::new();
    for run in 0..runs {
        for (taken, is_dropped) in [(&mut with, false), (&mut without, true)] {
            let database = format!("index_{run}_{is_dropped}");
            stage.migrated(&database)?;
            if is_dropped {
                stage.cluster.psql(&database, "DROP INDEX idx_audit_events_time")?;
            }
            taken.push(stage.run(&database, &["--date", &date])?);
            if !is_dropped {
                let size = "SELECT pg_relation_size('idx_audit_events_time'), \
                            pg_total_relation_size('audit_events')";
                bytes = stage.cluster.psql(&database, size)?.trim().replace('|', " of ");
            }
            stage.drop_database(&database)?;
        }
    }
    let (with, without) = (Taken::median(&with).wall, Taken::median(&without).wall);
    table.row(
        format!(
            "a day of {LARGE_DAY} events, against the same without the index on time, {without:.2?}"
        ),
        format!("**{}**, {with:.2?}; {bytes} bytes", ratio(with, without)),
        "",
    );
    Ok(())
}

/// The time and the peak memory of exports and searches over so many events.
fn export(table: &mut Table, stage: &Stage, events: usize) -> Result<()> {
    let database = format!("views_{events}");
    stage.migrated(&database)?;
    for back in 0..events.div_ceil(OF_A_DAY) {
        let date = day() - Days::new(back as u64);
        stage.heroku.generate_day("acme", date, OF_A_DAY.min(events));
        stage.run(&database, &["--date", &date.to_string()])?;
    }
    stage.cluster.psql(&database, "VACUUM ANALYZE")?;
    let from = (day() - Days::new(events.div_ceil(OF_A_DAY) as u64 - 1)).to_string();
    let to = day().to_string();
    let range = ["export", "--from", &from, "--to", &to, "--out", "/dev/null"];
    for (name, arguments) in [
        ("`export` as NDJSON", [&range[..], &["--format", "ndjson"]].concat()),
        ("`export` as CSV", [&range[..], &["--format", "csv"]].concat()),
        (
            "`export --after 0`",
            vec!["export", "--after", "0", "--out", "/dev/null", "--format", "ndjson"],
        ),
        ("`events --limit 50`", vec!["events", "--limit", "50"]),
        ("`events --app nothing`, which reads all", vec!["events", "--app", "nothing"]),
    ] {
        let Taken { wall, peak_kib, .. } = stage.run(&database, &arguments)?;
        table.row(
            format!("{name}, {events} events"),
            format!("{wall:.2?}, **{}**", mib(peak_kib)),
            "≤ 40 MiB",
        );
    }
    stage.drop_database(&database)
}
