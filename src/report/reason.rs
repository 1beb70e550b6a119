//! Whether the reasons of two days are the same, and how one reason reads for several days.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::NaiveDate;
use regex::Regex;

use crate::day::DateRange;

/// What differs between two days that failed for the same reason: Heroku's id of the request, and
/// times.
static DETAILS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?-u:\b)request\ [^\ ,;)]+
        | (?-u:\b)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z
        | (?-u:\b)[0-9]+(\.[0-9]+)?\ ?(ns|us|µs|ms|s|m|h|d|seconds?|minutes?|hours?|days?)(?-u:\b)
          (\ [0-9]+(ns|us|µs|ms|s|m|h)(?-u:\b))*",
    )
    .expect("a correct pattern")
});

/// The reason of the day `date` without what differs between days: equal texts are one reason.
pub(super) fn likeness(reason: &str, date: NaiveDate) -> String {
    let of_any_day = reason.replace(&date.to_string(), "<day>");
    DETAILS.replace_all(&of_any_day, "<detail>").into_owned()
}

/// The reason of the day `date` as the reason of all days of some ranges: its commands name all of
/// them. The id of a request stays as an example.
pub(super) fn for_all<'r>(reason: &'r str, date: NaiveDate, ranges: &[DateRange]) -> Cow<'r, str> {
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return reason.into() };
    if first.from == last.to {
        return reason.into();
    }
    // A command that takes two ends skips what is complete between the ranges.
    let ends = format!("--from {} --to {}", first.from, last.to);
    let ranges: String = ranges.iter().map(|range| format!(" {range}")).collect();
    let mut text = String::new();
    // The parts between backticks are commands.
    for (place, part) in reason.split('`').enumerate() {
        if place > 0 {
            text.push('`');
        }
        text.push_str(&match place % 2 {
            0 => part.replace("this day", "these days").replace(" reads it", " reads them"),
            _ if part.contains("--from") => {
                part.replace(&format!("--from {date} --to {date}"), &ends)
            }
            _ => {
                let part = part.replace(&format!("--date {date}"), &ends);
                // Each date is named, because a reset skips nothing.
                if part.contains(&ends) { part } else { part.replace(&format!(" {date}"), &ranges) }
            }
        });
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 9, day).expect("a date")
    }

    fn are_alike(one: &str, other: &str) -> bool {
        likeness(one, date(1)) == likeness(other, date(2))
    }

    #[test]
    fn request_ids_durations_times_and_the_own_day_make_no_other_reason() {
        for (one, other) in [
            (
                "503 (GET /a?day=2024-09-01, request a-1)",
                "503 (GET /a?day=2024-09-02, request b_2)",
            ),
            ("503 (request x, 3 attempts in 5ms)", "503 (request y, 3 attempts in 1m 2s 10ms)"),
            ("wait 1.5s.", "wait 20 s."),
            ("for 3 hours", "for 1 hour"),
            ("stale at 2024-09-29T00:00:00Z", "stale at 2024-09-29T01:02:03.5Z"),
            ("`auditsync --date 2024-09-01` reads it", "`auditsync --date 2024-09-02` reads it"),
        ] {
            assert!(are_alike(one, other), "{one} | {other}");
        }
    }

    #[test]
    fn any_other_difference_makes_another_reason() {
        for (one, other) in [
            ("503 Service Unavailable", "502 Bad Gateway"),
            ("3 attempts in 5ms", "6 attempts in 5ms"),
            ("run.1 is already syncing", "run.2 is already syncing"),
            ("the archive of 2024-08", "the archive of 2024-09"),
            ("up to 2024-09-07", "up to 2024-09-08"),
            ("holds 3 events", "holds 4 events"),
        ] {
            assert!(!are_alike(one, other), "{one} | {other}");
        }
    }

    #[test]
    fn the_commands_of_a_reason_name_all_days() {
        let dates = [DateRange::new(date(1), date(3))];
        let text = |reason| for_all(reason, date(1), &dates).into_owned();
        assert_eq!(
            text(
                "day=2024-09-01: `auditsync backfill --source a --from 2024-09-01 --to 2024-09-01`"
            ),
            "day=2024-09-01: `auditsync backfill --source a --from 2024-09-01 --to 2024-09-03`"
        );
        assert_eq!(
            text("`auditsync reset --force --source a 2024-09-01` repairs it"),
            "`auditsync reset --force --source a 2024-09-01..2024-09-03` repairs it"
        );
        assert_eq!(text("x is already syncing this day"), "x is already syncing these days");
        assert_eq!(
            text("`auditsync --date 2024-09-01` reads it"),
            "`auditsync --from 2024-09-01 --to 2024-09-03` reads them"
        );
        let one = "`auditsync --date 2024-09-01` reads it";
        assert_eq!(for_all(one, date(1), &[DateRange::of(date(1))]), one);
    }

    #[test]
    fn a_reset_names_only_the_days_of_the_reason_and_a_backfill_both_ends() {
        let ranges = [DateRange::new(date(1), date(2)), DateRange::of(date(5))];
        let text = |reason| for_all(reason, date(1), &ranges).into_owned();
        assert_eq!(
            text("`auditsync reset --source a 2024-09-01` repairs it"),
            "`auditsync reset --source a 2024-09-01..2024-09-02 2024-09-05` repairs it"
        );
        assert_eq!(
            text("`auditsync backfill --from 2024-09-01 --to 2024-09-01 --source a`"),
            "`auditsync backfill --from 2024-09-01 --to 2024-09-05 --source a`"
        );
    }
}
