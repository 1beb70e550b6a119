//! Keys whose value is a duration: `"500ms"`, `"30s"`, `"15m"`, `"24h"`, `"3d"`, or a sum such as
//! `"1h30m"`.
//!
//! Common parsers accept more. Here each unit has one spelling: `"15M"` is a mistake, not fifteen
//! months.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::value::{Misfit, ValueKind};

/// The units with their length in milliseconds, longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Ten years. Clocks and timers can add this to any present time.
const LONGEST: Duration = Duration::from_hours(3660 * 24);

impl ValueKind for Duration {
    fn what() -> String {
        "a duration such as \"30s\"".to_owned()
    }

    fn schema() -> Json {
        // Numbers with units, at least one of them above zero.
        let unit = "(d|h|m|s|ms)";
        let any = format!("([0-9]+{unit})*");
        json!({ "type": "string", "pattern": format!("^{any}0*[1-9][0-9]*{unit}{any}$") })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        match value {
            DeValue::String(text) => parse(text).map_err(|why| Misfit {
                help: Some(
                    "write durations as \"500ms\", \"30s\", \"15m\", \"24h\" or \"3d\"".to_owned(),
                ),
                ..Misfit::new(why)
            }),
            DeValue::Integer(number)
                if number.radix() == 10 && !number.as_str().starts_with(['-', '+', '0']) =>
            {
                let number = number.as_str();
                let help = format!(
                    "write \"{number}s\" for seconds, \"{number}m\" for minutes, \
                     \"{number}ms\" for milliseconds"
                );
                Err(Misfit { help: Some(help), ..Misfit::new("the unit is missing") })
            }
            other => Err(Misfit::of_type(other)),
        }
    }
}

/// Reads a duration from one millisecond to ten years, as the file writes it.
///
/// # Errors
///
/// Says what is wrong with `text`.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
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
                "the number is missing"
            });
        }
        if unit.is_empty() && after.starts_with('.') {
            return Err("use whole numbers: \"90m\", not \"1.5h\"");
        }
        if unit.is_empty() && !after.starts_with(' ') {
            return Err("the unit is missing");
        }
        let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                "write no space between number and unit"
            } else {
                "unknown unit"
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

/// Writes a duration as the file does, to the millisecond.
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
    fn durations_in_the_documented_form_are_accepted() {
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
    fn other_forms_are_rejected() {
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
    fn a_duration_is_shown_as_it_was_written() {
        for text in ["500ms", "1m30s", "2d", "1d1h"] {
            assert_eq!(parse(text).map(show).as_deref(), Ok(text));
        }
        assert_eq!(show(Duration::ZERO), "0s");
    }
}
