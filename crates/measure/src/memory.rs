//! The peak memory of a day of any size, in pages and as one list.

use fake_heroku::Paging;

use crate::Result;
use crate::stage::{PAGES, Stage, day};
use crate::table::{Table, mib};

/// The sizes to compare, in events.
pub(crate) const EVENTS: [usize; 2] = [50_000, 1_000_000];

pub(crate) fn measure(table: &mut Table, events: &[usize]) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    for &events in events {
        stage.heroku.generate_day("acme", day(), events);
        for (answer, paging) in [("in pages", PAGES), ("as one list", Paging::Whole)] {
            stage.heroku.set_paging(paging);
            let taken = stage.sync_day("memory", day(), events)?;
            stage.drop_database("memory")?;
            let figure = format!("**{}**, {:.2?}", mib(taken.peak_kib), taken.wall);
            table.row(
                format!("peak memory, a day of {events} events {answer}"),
                figure,
                "≤ 40 MiB",
            );
        }
    }
    Ok(())
}
