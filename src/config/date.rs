//! Keys whose value is a date of Heroku's audit trail.

use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::value::{Misfit, ValueKind};
use crate::calendar::{self, AUDIT_TRAIL_BEGINS, NotADate};

impl ValueKind for NaiveDate {
    fn what() -> String {
        "a date such as \"2024-09-01\"".to_owned()
    }

    fn schema() -> Json {
        // From the year in which the audit trail begins.
        let year = "(201[7-9]|20[2-9][0-9]|2[1-9][0-9]{2}|[3-9][0-9]{3})";
        let pattern = format!("^{year}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$");
        json!({ "type": "string", "format": "date", "pattern": pattern })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let date = match value {
            DeValue::String(text) => calendar::date(text),
            DeValue::Datetime(toml) if toml.time.is_some() => {
                return Err(Misfit::new("write the day alone, without a time"));
            }
            DeValue::Datetime(toml) => toml
                .date
                .and_then(|date| {
                    NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
                })
                .ok_or(NotADate::Form)
                .and_then(calendar::of_the_trail),
            other => return Err(Misfit::of_type(other)),
        };
        date.map_err(|error| match error {
            NotADate::Form => Misfit::new("write year-month-day in digits: \"YYYY-MM-DD\""),
            NotADate::NoMonth(_) | NotADate::NoDay { .. } => Misfit::new(error.to_string()),
            NotADate::TooEarly(_) => {
                Misfit::new(format!("Heroku's audit trail begins on {AUDIT_TRAIL_BEGINS}"))
            }
        })
    }
}
