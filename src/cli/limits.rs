//! Values of options that have limits, with messages that name the option or show the form.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::duration;

/// Reads a whole number in `range`, for `option`.
pub(super) fn within(
    option: &'static str,
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("{option} must be {} to {}", range.start(), range.end()))
    }
}

/// Reads a duration as the file writes it.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|why| format!("{why}: write 36h or 3d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_of_its_limits_names_the_option_and_the_limits() {
        let days = within("--days", 1..=36_600);
        assert_eq!((days("1"), days("36600")), (Ok(1), Ok(36_600)));
        for odd in ["0", "36601", "-1", "1.5", "", "99999999999"] {
            assert_eq!(days(odd), Err("--days must be 1 to 36600".to_owned()), "{odd}");
        }
    }

    #[test]
    fn a_time_of_another_form_shows_the_form() {
        assert_eq!(time("36h"), Ok(Duration::from_hours(36)));
        for odd in ["2", "soon", "1.5h", "", "36 h"] {
            assert!(time(odd).is_err_and(|why| why.ends_with("write 36h or 3d")), "{odd}");
        }
    }
}
