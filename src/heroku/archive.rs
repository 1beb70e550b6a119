//! A month's archive, Heroku's second witness: found, downloaded, checked, and read as often as is wanted.
//!
//! Its address is asked for right before each download, because it may not live long, and is kept out of every text,
//! because whoever has it has the file. It lies on another host, which is not sent the token ([`download`]). Nothing is read of a file
//! before the SHA-256 of the bytes as downloaded was found to be its checksum, so the file waits on disk, without a
//! name. Memory holds a few batches, however long the month was.

mod download;

use std::fmt;
use std::fs::File;
use std::io;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use reqwest::Url;
use serde::Deserialize;
use tracing::{info, warn};

use super::answer::{Error, Fault};
use super::call::{Call, Cost};
use super::unpack::Entries;
use super::{Client, Session};
use crate::day::{Month, end, last_over};
use crate::text::secrets::learn_address;
pub use download::{Astray, HostFault};
use download::{Download, Downloaded};

/// A month's file, on this machine, with the checksum that Heroku says it has.
#[derive(Debug)]
pub struct Archive {
    file: File,
    /// The month.
    pub month: Month,
    /// The bytes as downloaded.
    pub bytes: u64,
    /// Their SHA-256 as lower-case hex.
    pub checksum: String,
    /// When Heroku made it, if that is told.
    made_at: Option<DateTime<Utc>>,
}

/// A month's archive can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Heroku refused to say where it lies, or did not answer as it should.
    #[error(transparent)]
    Heroku(#[from] Error),
    /// It is there, and its file can't be had.
    #[error(transparent)]
    File(FileError),
    /// There is no room for it.
    #[error("the archive can't be kept in the temporary folder (TMPDIR): {0}")]
    Disk(#[from] io::Error),
}

/// The host of an archive does not give the file away, or not as it should.
#[derive(Debug, thiserror::Error)]
pub struct FileError {
    /// Which archive.
    archive: String,
    /// The host that failed; of the address nothing else is told.
    host: String,
    /// The last attempt's fault.
    pub fault: HostFault,
    attempts: u32,
    elapsed: Duration,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { archive, host, fault, attempts, .. } = self;
        match fault {
            HostFault::Refused { .. } => {
                write!(
                    f,
                    "{host} refused the address that Heroku gave for the {archive}, and a new one too: {fault}"
                )
            }
            HostFault::Astray { .. } => {
                write!(f, "{host} redirects the download of the {archive}: {fault}")
            }
            HostFault::Passing(_) => {
                write!(
                    f,
                    "Heroku did not answer as it should: {fault} (GET the file of the {archive}, from {host}"
                )?;
                if *attempts > 1 {
                    let elapsed = Duration::from_millis(self.elapsed.as_millis() as u64);
                    write!(f, ", {attempts} attempts in {}", humantime::format_duration(elapsed))?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Which of an archive's addresses is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Addresses {
    First,
    /// The one that was requested because another was refused.
    Second,
}

/// What Heroku tells of an archive (its schema, "archive"). Its address is secret, hence no `Debug`.
#[derive(Deserialize)]
struct Info {
    url: Option<String>,
    checksum: Option<String>,
    created_at: Option<String>,
}

/// Where a file lies, and what it should be.
struct Place {
    url: Url,
    checksum: String,
    made_at: Option<DateTime<Utc>>,
}

impl Client {
    /// Downloads the archive of `month`, as often as the policy allows. What asking took is added to `cost`, each redirect
    /// as a request. An address that its host refuses is asked for anew, once.
    pub async fn archive(
        &self,
        account: &str,
        month: Month,
        asker: &Session,
        cost: &mut Cost,
    ) -> Result<Archive, ArchiveError> {
        let mut attempts = self.attempts(asker);
        let mut addresses = Addresses::First;
        loop {
            let place = self.find_archive(account, month, asker, cost).await?;
            let mut download = Download::new(place.url, self.api.request_timeout);
            let downloaded = match self.for_files() {
                Ok(files) => download.run(files, &asker.token).await?,
                Err(error) => Err(HostFault::Passing(Fault::Network(error))),
            };
            cost.requests += download.requests();
            let fault = match downloaded.and_then(|file| checked(file, &place.checksum)) {
                Ok(Downloaded { file, bytes, checksum }) => {
                    info!(account, %month, bytes, "archive downloaded");
                    return Ok(Archive { file, month, bytes, checksum, made_at: place.made_at });
                }
                Err(fault) => fault,
            };
            let host = download.host();
            let delay = match &fault {
                HostFault::Refused { .. } if addresses == Addresses::First => {
                    warn!(account, %month, host, "the archive's address was refused; requesting a new one: {fault}");
                    addresses = Addresses::Second;
                    cost.retries += 1;
                    continue;
                }
                HostFault::Refused { .. } | HostFault::Astray { .. } => None,
                HostFault::Passing(fault) => attempts.next_delay(fault.retry_after()),
            };
            let Some(delay) = delay else {
                return Err(ArchiveError::File(FileError {
                    archive: format!("archive {month} of {account}"),
                    host: host.to_owned(),
                    fault,
                    attempts: attempts.made(),
                    elapsed: attempts.elapsed(),
                }));
            };
            warn!(account, %month, host, wait_ms = delay.as_millis() as u64, "downloading the archive again: {fault}");
            cost.retries += 1;
            tokio::time::sleep(delay).await;
        }
    }

    async fn find_archive(
        &self,
        account: &str,
        month: Month,
        asker: &Session,
        cost: &mut Cost,
    ) -> Result<Place, ArchiveError> {
        let (year, number) = (month.year().to_string(), format!("{:02}", month.number()));
        let url = self.url(&["enterprise-accounts", account, "archives", &year, &number]);
        let request = format!("GET {}", url.path());
        let info: Info = Call::new(self, url, asker.clone()).object(cost).await?;
        self.place(info).map_err(|problem| {
            ArchiveError::Heroku(Error {
                request,
                fault: Fault::Shape(problem.to_owned()),
                request_id: None,
                attempts: 1,
                elapsed: Duration::ZERO,
                in_outage: false,
            })
        })
    }

    /// What is told of an archive, if it can be used. The words name no address.
    fn place(&self, info: Info) -> Result<Place, &'static str> {
        let url = info.url.ok_or("the archive has no url")?;
        // Whoever repeats it, it is in no text.
        learn_address(&url);
        let url = Url::parse(&url).map_err(|_| "the archive's url is none")?;
        // Where the API itself is on this machine, as in a test, its archives may be too.
        if url.scheme() != "https"
            && !(url.scheme() == "http" && self.api.base_url.scheme() == "http")
        {
            return Err("the archive's url is not https");
        }
        let checksum = info.checksum.filter(|text| !text.is_empty());
        let checksum = checksum.ok_or(
            "the archive has no checksum, so that nothing could tell a cut file from a whole one",
        )?;
        let made_at = info.created_at.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        Ok(Place { url, checksum, made_at: made_at.map(|time| time.to_utc()) })
    }
}

/// The file, if it is the one with this checksum.
fn checked(file: Downloaded, checksum: &str) -> Result<Downloaded, HostFault> {
    if file.checksum == checksum.to_ascii_lowercase() {
        return Ok(file);
    }
    Err(HostFault::Passing(Fault::Checksum { found: file.checksum, bytes: file.bytes }))
}

impl Archive {
    /// The newest day that it covers wholly, if it covers one: that of the current month ends at the last midnight
    /// before it was made (Heroku Dev Center, "Audit Trail"). `newest` is the newest day that is over.
    pub fn covers_to(&self, newest: NaiveDate) -> Option<NaiveDate> {
        let made = self.made_at.map_or(newest, last_over);
        let last = self.month.last().min(newest).min(made);
        (last >= self.month.first()).then_some(last)
    }

    /// The moment whose knowledge it holds: what Heroku learnt later is not in it.
    pub fn as_of(&self, newest: NaiveDate) -> DateTime<Utc> {
        self.made_at.unwrap_or_else(|| end(self.month.last().min(newest)))
    }

    /// Begins to read it from its start, whoever else still reads it.
    pub fn read(&self) -> io::Result<Entries> {
        Ok(Entries::of(self.file.try_clone()?))
    }
}
