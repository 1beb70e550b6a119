//! Keys whose value is a number.

use std::num::NonZeroU32;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::value::{Misfit, ValueKind};

/// A whole number from `MIN` to `MAX`.
pub(super) struct Whole<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<const MIN: u32, const MAX: u32> ValueKind for Whole<MIN, MAX> {
    fn what() -> String {
        if MAX == u32::MAX {
            format!("a whole number, {MIN} or more")
        } else {
            format!("a whole number from {MIN} to {MAX}")
        }
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let number = match value {
            DeValue::Integer(digits) => i128::from_str_radix(digits.as_str(), digits.radix()),
            DeValue::String(text) if text.parse::<u32>().is_ok() => {
                return Err(Misfit::quoted(text));
            }
            other => return Err(Misfit::of_type(other)),
        };
        // A number that overflows 128 bits is too large as well.
        match number.map_or(Err(MAX), |number| {
            u32::try_from(number).map_err(|_| if number < 0 { MIN } else { MAX })
        }) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            Ok(number) if number < MIN => Err(Misfit::new(format!("at least {MIN}"))),
            Err(bound) if bound == MIN => Err(Misfit::new(format!("at least {MIN}"))),
            _ => Err(Misfit::new(format!("at most {MAX}"))),
        }
    }
}

impl ValueKind for NonZeroU32 {
    fn what() -> String {
        Whole::<1, { u32::MAX }>::what()
    }

    fn schema() -> Json {
        Whole::<1, { u32::MAX }>::schema()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let Whole(number) = Whole::<1, { u32::MAX }>::read(value)?;
        NonZeroU32::new(number).ok_or_else(|| Misfit::new("at least 1"))
    }
}

/// A number, 1.0 or more.
pub(super) struct Multiplier(pub(super) f64);

impl ValueKind for Multiplier {
    fn what() -> String {
        "a number, 1.0 or more".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "number", "minimum": 1.0 })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let number = number(value)?;
        if number >= 1.0 {
            Ok(Self(number))
        } else {
            Err(Misfit::new("below 1.0, each wait would be shorter than the one before"))
        }
    }
}

/// A number from 0.0 to 1.0.
pub(super) struct Fraction(pub(super) f64);

impl ValueKind for Fraction {
    fn what() -> String {
        "a number from 0.0 to 1.0".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "number", "minimum": 0.0, "maximum": 1.0 })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let number = number(value)?;
        match number {
            0.0..=1.0 => Ok(Self(number)),
            1.0.. => Err(Misfit::new("at most 1.0")),
            _ => Err(Misfit::new("at least 0.0")),
        }
    }
}

fn number(value: &DeValue<'_>) -> Result<f64, Misfit> {
    let digits = match value {
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
        DeValue::Float(digits) => digits.as_str(),
        DeValue::String(text) if text.parse::<f64>().is_ok() => return Err(Misfit::quoted(text)),
        other => return Err(Misfit::of_type(other)),
    };
    let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| Misfit::new("this is not a finite number"))
}
