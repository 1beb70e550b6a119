//! Dates and times as the server sends them. Unlike chrono's types, these hold infinities and every
//! year, so no value of a column can stop a verification.

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH: i64 = 946_684_800_000_000;

/// A `date`: the days since 2000-01-01. The lowest and the highest value are the infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawDate(i32);

impl RawDate {
    /// What stands for a date that can't be read.
    pub(super) const NONE: Self = Self(i32::MIN);

    /// The date of this year, month and day, for tests.
    #[cfg(test)]
    pub(crate) fn of(year: i32, month: u32, day: u32) -> Self {
        let begin = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date");
        let date = NaiveDate::from_ymd_opt(year, month, day).expect("a date");
        Self((date - begin).num_days() as i32)
    }

    /// The date, or how PostgreSQL writes it if it is none that chrono knows.
    pub fn date(self) -> Result<NaiveDate, String> {
        let begin = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date");
        let days = Days::new(u64::from(self.0.unsigned_abs()));
        let date =
            if self.0 < 0 { begin.checked_sub_days(days) } else { begin.checked_add_days(days) };
        match (self.0, date) {
            (i32::MAX, _) => Err("infinity".to_owned()),
            (i32::MIN, _) => Err("-infinity".to_owned()),
            (days, None) => Err(format!("2000-01-01 {days:+} days")),
            (_, Some(date)) => Ok(date),
        }
    }
}

impl Type<Postgres> for RawDate {
    fn type_info() -> PgTypeInfo {
        <NaiveDate as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for RawDate {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend(self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for RawDate {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(i32::from_be_bytes(value.as_bytes()?.try_into()?)))
    }
}

/// A `timestamptz`, in microseconds since 1970. The lowest and the highest value are infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawTime(pub i64);

impl RawTime {
    /// The time, if chrono knows it.
    pub fn time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl Type<Postgres> for RawTime {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl Decode<'_, Postgres> for RawTime {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        Ok(Self(micros.saturating_add(EPOCH)))
    }
}

/// A `json`, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawJson<'r>(pub(super) &'r [u8]);

impl Type<Postgres> for RawJson<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("json")
    }
}

impl<'r> Decode<'r, Postgres> for RawJson<'r> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(value.as_bytes()?))
    }
}
