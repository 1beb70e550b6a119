//! Clocks and short waits. No other file of this test reads a clock or waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::NaiveDate;

/// Microseconds since 1970 by this machine's clock, which is also the database's.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_micros() as i64
}

/// The newest date that is over.
#[expect(clippy::disallowed_methods, reason = "the program under test reads the same clock")]
pub(crate) fn yesterday() -> NaiveDate {
    chrono::Utc::now().date_naive() - chrono::Days::new(1)
}

/// Pauses briefly.
#[expect(
    clippy::disallowed_methods,
    reason = "chaos happens at moments, and is looked at in short steps"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
