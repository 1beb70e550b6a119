//! Durations as the file writes them: `"500ms"`, `"30s"`, `"15m"`, `"24h"`, `"3d"`, and sums such as `"1h30m"`.
//!
//! Narrower than common parsers on purpose: a unit has one spelling, so that `"15M"` is a mistake and not fifteen months.

use std::fmt::Write as _;
use std::time::Duration;

/// The units with their length in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest duration taken: ten years. Clocks and timers can add it to any present time.
const LONGEST: Duration = Duration::from_hours(3660 * 24);

/// Reads a duration. It is never zero, and never longer than ten years. The error says what is wrong with `text`.
pub(super) fn parse(text: &str) -> Result<Duration, &'static str> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    if text.is_empty() {
        return Err("this is empty");
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let (unit, after) =
            after.split_at(after.bytes().take_while(u8::is_ascii_alphabetic).count());
        if digits.is_empty() {
            return Err(if rest.starts_with('-') {
                "a duration can't be negative"
            } else {
                "a number is missing here"
            });
        }
        if unit.is_empty() && after.starts_with('.') {
            return Err("whole numbers only: \"90m\" rather than \"1.5h\"");
        }
        if unit.is_empty() && !after.starts_with(' ') {
            return Err("the unit is missing");
        }
        let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                "no space between number and unit"
            } else {
                "this unit is not known"
            });
        };
        let part = digits
            .parse()
            .ok()
            .and_then(|count: u64| count.checked_mul(*millis))
            .map(Duration::from_millis);
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= LONGEST)
            .ok_or("longer than ten years")?;
        rest = after;
    }
    if total.is_zero() { Err("zero is too short") } else { Ok(total) }
}

/// A duration as the file would write it, down to the millisecond.
pub(super) fn show(duration: Duration) -> String {
    let mut left = duration.as_millis();
    let mut text = String::new();
    for (unit, millis) in UNITS {
        let count = left / u128::from(millis);
        left %= u128::from(millis);
        if count > 0 && write!(text, "{count}{unit}").is_err() {
            break;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_file_may_write() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            ("1h30m", 5_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("3660d"), Ok(LONGEST));
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "0s",
            "0d0h",
            "15",
            "m",
            "15M",
            "15min",
            "15 m",
            "1.5h",
            "-1s",
            "+1s",
            "1s ",
            " 1s",
            "1h30",
            "٣s",
            "1é",
            "3661d",
            "99999999999999999999s",
            "18446744073709551615s1000ms",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_what_it_reads() {
        for text in ["500ms", "1m30s", "2d", "1d1h"] {
            assert_eq!(parse(text).map(show).as_deref(), Ok(text));
        }
        assert_eq!(show(Duration::ZERO), "0s");
    }
}
