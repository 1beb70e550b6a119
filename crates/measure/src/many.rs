//! Many sources with a few events each.

use crate::Result;
use crate::stage::{Stage, day};
use crate::table::{Table, median, mib};

/// How many there are.
pub(crate) const SOURCES: usize = 1000;

const EVENTS_EACH: usize = 5;

pub(crate) fn measure(table: &mut Table, sources: usize, runs: usize) -> Result<()> {
    let accounts: Vec<String> = (0..sources).map(|number| format!("acme-{number:04}")).collect();
    let stage = Stage::new(&accounts)?;
    for account in &accounts {
        stage.heroku.generate_day(account, day(), EVENTS_EACH);
    }
    let mut taken = Vec::new();
    for _ in 0..runs {
        taken.push(stage.sync_day("many", day(), sources * EVENTS_EACH)?);
        stage.drop_database("many")?;
    }
    let wall = median(taken.iter().map(|taken| taken.wall).collect());
    let cpu = median(taken.iter().map(|taken| taken.cpu).collect());
    let peak = median(taken.iter().map(|taken| taken.peak_kib).collect());
    let what = format!("{sources} sources with {EVENTS_EACH} events each");
    table.row(what, format!("**{wall:.2?}**, {cpu:.2?} of processor, {}", mib(peak)), "< 10 s");
    Ok(())
}
