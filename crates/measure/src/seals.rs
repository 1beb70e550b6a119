//! The cost of sealing: the program beside another build of it, such as one without seals.

use std::path::{Path, PathBuf};

use fake_heroku::Paging;

use crate::Result;
use crate::many::SOURCES;
use crate::process::{self, Taken};
use crate::stage::{Stage, day};
use crate::table::{Table, ratio};

/// The events of the large day.
const LARGE: usize = 50_000;

/// What is measured: its name, how many sources there are, the events of each, and the target.
type Load = (&'static str, usize, usize, &'static str);

const LOADS: [Load; 2] = [
    ("1000 sources with 5 events each", SOURCES, 5, "≤ 1.2"),
    ("a day of 50000 events", 1, LARGE, "≤ 1.03"),
];

pub(crate) fn measure(table: &mut Table, against: &Path, runs: usize) -> Result<()> {
    for (what, sources, events, target) in LOADS {
        let accounts: Vec<String> = (0..sources).map(|n| format!("acme-{n:04}")).collect();
        let stage = Stage::new(&accounts)?;
        stage.heroku.set_paging(Paging::Whole);
        for account in &accounts {
            stage.heroku.generate_day(account, day(), events);
            stage.heroku.put_day(account, day(), stage.heroku.day(account, day()));
        }
        let (mut own, mut other) = (Vec::new(), Vec::new());
        // The first of two runs in a row is not the slower one by chance alone.
        for run in 0..runs {
            let own_first = run.is_multiple_of(2);
            for is_own in [own_first, !own_first] {
                let (program, taken) = if is_own {
                    (process::auditsync(), &mut own)
                } else {
                    (PathBuf::from(against), &mut other)
                };
                taken.push(stage.sync_day_with(&program, "seals", day(), sources * events)?);
                stage.drop_database("seals")?;
            }
        }
        let (own, other) = (Taken::median(&own).wall, Taken::median(&other).wall);
        table.row(
            format!("{what}, against the other program, {other:.2?}"),
            format!("**{}**, {own:.2?}", ratio(own, other)),
            target,
        );
    }
    Ok(())
}
