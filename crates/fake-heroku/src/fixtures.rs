//! Read a folder of fixtures, and move it to other dates.
//!
//! ```text
//! accounts.json                    the directory
//! days/ACCOUNT/YYYY-MM-DD.json     an array of events, or the same as .json.gz
//! archives/ACCOUNT/YYYY-MM.json.gz the file as it is downloaded
//! ```
//!
//! The bytes of an event are cut out of the file. They are never serialized again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{NaiveDate, TimeDelta};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::archive::Month;
use crate::model::Model;

/// A model that was read from a folder.
#[derive(Clone, Debug)]
pub struct Fixtures {
    model: Model,
}

impl From<Fixtures> for Model {
    fn from(fixtures: Fixtures) -> Self {
        fixtures.model
    }
}

impl Fixtures {
    /// The fixtures in this repository.
    ///
    /// # Panics
    /// If they are missing or damaged.
    pub fn committed() -> Self {
        Self::load(Self::folder()).expect("the committed fixtures can be read")
    }

    /// The folder of the committed fixtures.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
    }

    /// Read a folder. An error names the file.
    pub fn load(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        let mut model = Model::default();
        read(&folder.join("accounts.json"), |bytes| {
            model.directory = serde_json::from_slice(&bytes)?;
            Ok(())
        })?;
        for (account, stem, path) in files(&folder.join("days"))? {
            read(&path, |bytes| {
                let date = stem.parse().map_err(invalid)?;
                let json = if path.extension().is_some_and(|ending| ending == "gz") {
                    gunzip(&bytes)?
                } else {
                    bytes
                };
                model.put_day(&account, date, split(&json)?);
                Ok(())
            })?;
        }
        for (account, stem, path) in files(&folder.join("archives"))? {
            read(&path, |bytes| {
                let month =
                    stem.split_once('-').and_then(|(year, month)| Month::parse(year, month));
                model.put_archive(
                    &account,
                    month.ok_or_else(|| invalid("the name is no YYYY-MM"))?,
                    bytes,
                );
                Ok(())
            })?;
        }
        Ok(Self { model })
    }

    /// The last date for which any account has a day.
    pub fn last_day(&self) -> Option<NaiveDate> {
        self.model.days.keys().map(|(_, date)| *date).max()
    }

    /// The same days, moved so that the last one is `to`. In the events only the date in
    /// `created_at` changes. The archives are made again for the months that now contain the days.
    #[must_use]
    pub fn shifted(mut self, to: NaiveDate) -> Self {
        let Some(last) = self.last_day() else { return self };
        let by = to - last;
        let days = std::mem::take(&mut self.model.days);
        let archived: BTreeSet<String> = std::mem::take(&mut self.model.archives)
            .into_keys()
            .map(|(account, _)| account)
            .collect();
        let mut months = BTreeSet::new();
        for ((account, date), day) in days {
            let events: Vec<Bytes> = day.events().map(|event| shift(&event, by)).collect();
            if archived.contains(&account) {
                months.insert((account.clone(), Month::of(date + by)));
            }
            self.model.put_day(&account, date + by, events);
        }
        for (account, month) in months {
            self.model.make_archive(&account, month);
        }
        self
    }
}

/// Cut an array into the bytes of its elements, which share the array's memory.
pub fn split(json: &Bytes) -> io::Result<Vec<Bytes>> {
    let elements: Vec<&RawValue> = serde_json::from_slice(json)?;
    Ok(elements.into_iter().map(|element| json.slice_ref(element.get().as_bytes())).collect())
}

/// Decompress a gzip file.
pub fn gunzip(bytes: &[u8]) -> io::Result<Bytes> {
    let mut out = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut out)?;
    Ok(out.into())
}

/// Move the event's `created_at` by `by`, and keep all other bytes. An event without a usable
/// `created_at` stays as it is.
fn shift(event: &Bytes, by: TimeDelta) -> Bytes {
    #[derive(Deserialize)]
    struct Dated<'a> {
        #[serde(borrow)]
        created_at: &'a RawValue,
    }
    let Ok(Dated { created_at }) = serde_json::from_slice(event) else { return event.clone() };
    let Some(Ok(date)) = created_at.get().get(1..11).map(str::parse::<NaiveDate>) else {
        return event.clone();
    };
    let start = created_at.get().as_ptr() as usize - event.as_ptr() as usize + 1;
    let mut moved = event.to_vec();
    moved[start..start + 10].copy_from_slice((date + by).to_string().as_bytes());
    moved.into()
}

/// The files in the subfolders of a folder, sorted: account, name up to the first dot, path. Empty
/// if the folder does not exist.
fn files(folder: &Path) -> io::Result<Vec<(String, String, PathBuf)>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for account in fs::read_dir(folder)? {
        let account = account?;
        for file in fs::read_dir(account.path())? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            let stem = name.split('.').next().unwrap_or_default().to_owned();
            found.push((account.file_name().to_string_lossy().into_owned(), stem, file.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path, take: impl FnOnce(Bytes) -> io::Result<()>) -> io::Result<()> {
    fs::read(path)
        .and_then(|bytes| take(bytes.into()))
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_changes_the_date_of_created_at_and_no_other_byte() {
        let event = Bytes::from_static(
            br#"{ "data": "2024-02-27", "created_at" : "2024-02-27T23:59:59.5Z","id":1.0}"#,
        );
        let moved = shift(&event, TimeDelta::days(3));
        assert_eq!(
            moved,
            &br#"{ "data": "2024-02-27", "created_at" : "2024-03-01T23:59:59.5Z","id":1.0}"#[..]
        );

        for undated in [&b"{}"[..], br#"{"created_at":null}"#, b"7", br#"{"created_at":"soon"}"#] {
            let undated = Bytes::copy_from_slice(undated);
            assert_eq!(shift(&undated, TimeDelta::days(3)), undated);
        }
    }
}
