//! A month that looks like one of a real company, for the README's picture of the report.

use std::error::Error;
use std::path::Path;

use chrono::{Datelike as _, Days, NaiveDate};

use crate::stage::Stage;

const DAYS: u64 = 30;
/// The token of globex was revoked this many days ago.
const REVOKED: u64 = 3;
const GLOBEX_TOKEN: &str = "HRKU-demo-globex-0001-not-a-secret";

/// Syncs the month, and writes the report on it.
pub(crate) fn write_page(stage: &Stage, file: &Path) -> Result<(), Box<dyn Error>> {
    let ago = |days: u64| stage.yesterday - Days::new(days);
    for back in 0..DAYS {
        for (account, most) in [("acme", 90), ("globex", 35)] {
            stage.heroku.generate_day(account, ago(back), events(ago(back), most));
        }
    }
    let (from, to) = (ago(DAYS - 1).to_string(), stage.yesterday.to_string());
    let before = ago(REVOKED).to_string();
    stage.quietly(&["backfill", "--from", &from, "--to", &before])?;
    stage.heroku.revoke(GLOBEX_TOKEN);
    let after = ago(REVOKED - 1).to_string();
    // It exits with 1, because the days of globex fail.
    let _ = stage.quietly(&["sync", "--from", &after, "--to", &to]);
    let drill = ago(12).to_string();
    let reset = ["reset", "--source", "acme", &drill, "--by", "ada", "--reason", "restore drill"];
    stage.quietly(&reset)?;
    stage.quietly(&["sync", "--source", "acme", "--date", &drill])?;
    stage.auditsync("The report on a month:", &["report", "--out", &file.display().to_string()])
}

/// Fewer events on weekends, and on other days more or fewer.
fn events(date: NaiveDate, most: usize) -> usize {
    let day = date.num_days_from_ce() as usize;
    let share = match date.weekday().num_days_from_monday() {
        5 | 6 => 12 + day * 7 % 11,
        weekday => 55 + weekday as usize * 5 + day * 13 % 26,
    };
    most * share / 100
}
