//! Values of options that have limits, with messages that name the option.

use std::ops::RangeInclusive;

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
}
