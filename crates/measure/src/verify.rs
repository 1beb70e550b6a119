//! `verify` and bags, compared with a bare `COPY` of the events that they read.

use std::time::Duration;

use chrono::Days;
use fake_heroku::Paging;

use crate::Result;
use crate::process::{self, Taken};
use crate::stage::{Stage, day, shell};
use crate::table::{Table, mib, ratio};

/// The sizes to compare, in events.
pub(crate) const EVENTS: [usize; 2] = [50_000, 1_000_000];

/// The events of a day.
const OF_A_DAY: usize = 50_000;

pub(crate) fn measure(table: &mut Table, sizes: &[usize], runs: usize) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    stage.heroku.set_paging(Paging::Whole);
    for &events in sizes {
        let database = format!("verify_{events}");
        let days = events.div_ceil(OF_A_DAY);
        stage.migrated(&database)?;
        for back in 0..days {
            let date = day() - Days::new(back as u64);
            stage.heroku.generate_day("acme", date, events / days);
            stage.run(&database, &["--date", &date.to_string()])?;
        }
        stage.cluster.psql(&database, "VACUUM ANALYZE")?;
        let psql = stage.psql(&database);
        let copy = shell(&format!("{psql} -c 'COPY audit_events TO STDOUT' > /dev/null"));
        let (mut verified, mut copied) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            verified.push(stage.run(&database, &["verify"])?);
            copied.push(process::run(&copy)?);
        }
        let Taken { wall, peak_kib, cpu, .. } = Taken::median(&verified);
        let copied = Taken::median(&copied).wall;
        table.row(
            format!("`verify` over {events} events in {days} days"),
            format!("{wall:.2?}, {cpu:.2?} of processor, **{}**", mib(peak_kib)),
            "≤ 40 MiB",
        );
        let against = format!("… against `COPY audit_events TO STDOUT`, {copied:.2?}");
        table.row(against, format!("**{}**", ratio(wall, copied)), "≤ 1.5");
        measure_bags(table, &stage, &database, days, copied)?;
    }
    Ok(())
}

/// The time and the peak memory of bags, as a folder, a compressed tar and a stream.
fn measure_bags(
    table: &mut Table,
    stage: &Stage,
    database: &str,
    days: usize,
    copied: Duration,
) -> Result<()> {
    let from = (day() - Days::new(days as u64 - 1)).to_string();
    let to = day().to_string();
    for out in ["folder", "bag.tar.gz"] {
        let path = stage.folder.path().join(format!("{database}-{out}"));
        let path = path.display().to_string();
        let arguments = ["export", "--from", &from, "--to", &to, "--out", &path];
        let exported = stage.run(database, &arguments)?;
        let checked = stage.run(database, &["verify", "--bag", &path])?;
        for (what, taken, demanded) in
            [("a bag", exported, "≤ 48 MiB"), ("`verify --bag`", checked, "")]
        {
            let Taken { wall, peak_kib, .. } = taken;
            let figures = format!("{wall:.2?}, **{}**, {}", mib(peak_kib), ratio(wall, copied));
            table.row(
                format!("{what} of these days ({out}), against that COPY"),
                figures,
                demanded,
            );
        }
    }
    Ok(())
}
