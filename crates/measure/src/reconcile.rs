//! The peak memory of `reconcile`, with no event and with every event missing.

use fake_heroku::Month;
use serde_json::Value;

use crate::Result;
use crate::archive::{DAYS, pack};
use crate::process::{self, Taken};
use crate::stage::{Stage, shell};
use crate::table::{Table, mib};

/// The number of events in the archive.
pub(crate) const EVENTS: usize = 400_000;

/// The additional memory that is allowed when every event is missing: the ids in memory, and the
/// memory to sort them.
const MORE_KIB: i64 = 8 * 1024;

pub(crate) fn measure(table: &mut Table, events: usize) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    let events = events / DAYS * DAYS;
    stage.heroku.put_archive("acme", Month { year: 2024, month: 9 }, pack(events)?);
    stage.migrated("complete")?;
    stage.run(
        "complete",
        &["backfill", "--via", "archive", "--from", "2024-09-01", "--to", "2024-09-30"],
    )?;
    stage.migrated("empty")?;
    // A source owes no day before its first day.
    let first_day = "INSERT INTO audit_events_log (source, process_date, status)
                     VALUES ('acme', '2024-09-01', 'PENDING')";
    stage.cluster.psql("empty", first_day)?;
    let (complete, _) = reconcile(&stage, "complete", 0)?;
    let (empty, missing) = reconcile(&stage, "empty", 1)?;
    if missing != events {
        return Err(format!("{missing} events are missing, not {events}").into());
    }
    for (what, taken) in [("nothing", &complete), ("every event", &empty)] {
        let figure = format!("**{}**, {:.2?}", mib(taken.peak_kib), taken.wall);
        table.row(
            format!("`reconcile` of {events} events, {what} missing, peak memory"),
            figure,
            "≤ 64 MiB",
        );
    }
    let more = empty.peak_kib - complete.peak_kib;
    if more > MORE_KIB {
        return Err(format!("missing events take {} more", mib(more)).into());
    }
    Ok(())
}

/// Run it, expect this exit status, and count the ids that its document names as missing.
fn reconcile(stage: &Stage, database: &str, status: u8) -> Result<(Taken, usize)> {
    let command = stage.auditsync(database, &["reconcile", "--month", "2024-09"]);
    let mut arguments = vec![format!("'{}'", command.get_program().display())];
    arguments.extend(command.get_args().map(|argument| format!("'{}'", argument.display())));
    let mut run = shell(&format!("{} || [ $? = {status} ]", arguments.join(" ")));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => run.env(name, value),
            None => run.env_remove(name),
        };
    }
    let taken = process::run(&run)?;
    let report: Value = serde_json::from_str(&taken.printed)?;
    let days = report["months"][0]["days"].as_array().ok_or("no days were compared")?;
    let missing = days.iter().filter_map(|day| Some(day["missing_here"].as_array()?.len())).sum();
    Ok((taken, missing))
}
