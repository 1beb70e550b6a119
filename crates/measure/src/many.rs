//! Many sources with a few events each.

use crate::Result;
use crate::process::Taken;
use crate::stage::{Stage, day};
use crate::table::{Table, mib};

/// The number of sources.
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
    let Taken { wall, peak_kib, cpu, .. } = Taken::median(&taken);
    let what = format!("{sources} sources with {EVENTS_EACH} events each");
    let figure = format!("**{wall:.2?}**, {cpu:.2?} of processor, {}", mib(peak_kib));
    table.row(what, figure, "< 10 s");
    Ok(())
}
