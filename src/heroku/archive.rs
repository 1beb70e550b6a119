//! A month's archive, Heroku's second witness: found, downloaded, checked, and read as often as is wanted.
//!
//! Its address is asked for right before each download, because it may not live long, and is kept out of every text,
//! because whoever has it has the file. It lies on another host, which is not sent the token. Nothing is read of a file
//! before the SHA-256 of the bytes as downloaded was found to be its checksum, so the file waits on disk, without a
//! name. Memory holds a few batches, however long the month was.

use std::fs::File;
use std::io;

use chrono::{DateTime, NaiveDate, Utc};
use reqwest::{Response, Url};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tracing::{info, warn};

use super::answer::{Class, Error, Fault, class};
use super::asking::{Asking, Cost};
use super::unpack::Entries;
use super::{Asker, Client};
use crate::day::{Month, end, last_over};

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
    #[error("{0}")]
    File(Error),
    /// There is no room for it.
    #[error("the archive can't be kept in the temporary folder (TMPDIR): {0}")]
    Disk(#[from] io::Error),
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
    /// Downloads the archive of `month`, as often as the policy allows. What asking took is added to `cost`, the
    /// download itself as one request.
    pub async fn archive(
        &self,
        account: &str,
        month: Month,
        asker: &Asker,
        cost: &mut Cost,
    ) -> Result<Archive, ArchiveError> {
        let mut attempts = self.attempts(asker);
        loop {
            let place = self.find_archive(account, month, asker, cost).await?;
            cost.requests += 1;
            let host = place.url.host_str().unwrap_or_default().to_owned();
            let fault = match self.download(place, month).await? {
                Ok(archive) => {
                    info!(account, %month, bytes = archive.bytes, "archive downloaded");
                    return Ok(archive);
                }
                Err(fault) => fault,
            };
            let delay = if fault.class() == Class::Lasting { None } else { attempts.next_delay(fault.retry_after()) };
            let Some(delay) = delay else {
                return Err(ArchiveError::File(Error {
                    request: format!("GET the file of the archive {month} of {account}, from {host}"),
                    fault,
                    request_id: None,
                    attempts: attempts.made(),
                    elapsed: attempts.elapsed(),
                    in_outage: false,
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
        asker: &Asker,
        cost: &mut Cost,
    ) -> Result<Place, ArchiveError> {
        let (year, number) = (month.year().to_string(), format!("{:02}", month.number()));
        let url = self.url(&["enterprise-accounts", account, "archives", &year, &number]);
        let request = format!("GET {}", url.path());
        let info: Info = Asking::new(self, url, asker.clone()).object(cost).await?;
        self.place(info).map_err(|problem| {
            ArchiveError::Heroku(Error {
                request,
                fault: Fault::Shape(problem.to_owned()),
                request_id: None,
                attempts: 1,
                elapsed: std::time::Duration::ZERO,
                in_outage: false,
            })
        })
    }

    /// What is told of an archive, if it can be used. The words name no address.
    fn place(&self, info: Info) -> Result<Place, &'static str> {
        let url = info.url.ok_or("the archive has no url")?;
        let url = Url::parse(&url).map_err(|_| "the archive's url is none")?;
        // Where the API itself is on this machine, as in a test, its archives may be too.
        if url.scheme() != "https" && !(url.scheme() == "http" && self.api.base_url.scheme() == "http") {
            return Err("the archive's url is not https");
        }
        let checksum = info.checksum.filter(|text| !text.is_empty());
        let checksum =
            checksum.ok_or("the archive has no checksum, so that nothing could tell a cut file from a whole one")?;
        let made_at = info.created_at.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        Ok(Place { url, checksum, made_at: made_at.map(|time| time.to_utc()) })
    }

    /// Downloads a file and checks it. The outer error is this machine's.
    async fn download(&self, place: Place, month: Month) -> io::Result<Result<Archive, Fault>> {
        let Place { url, checksum, made_at } = place;
        let network = |error: reqwest::Error| Fault::Network(error.without_url());
        let files = match self.for_files().map_err(network) {
            Ok(files) => files,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut response: Response = match files.get(url).send().await.map_err(network) {
            Ok(response) => response,
            Err(fault) => return Ok(Err(fault)),
        };
        let status = response.status();
        if status != 200 {
            // A file in parts is not asked for.
            let fault = match class(status) {
                Some(_) => Fault::Status { status, id: None, message: None, retry_after: None },
                None => Fault::NoWayOn,
            };
            return Ok(Err(fault));
        }
        let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        loop {
            match response.chunk().await.map_err(network) {
                Ok(Some(chunk)) => {
                    hash.update(&chunk);
                    bytes += chunk.len() as u64;
                    file.write_all(&chunk).await?;
                }
                Ok(None) => break,
                Err(fault) => return Ok(Err(fault)),
            }
        }
        file.flush().await?;
        let found = hex::encode(hash.finalize());
        if found != checksum.to_ascii_lowercase() {
            return Ok(Err(Fault::Checksum { found, bytes }));
        }
        Ok(Ok(Archive { file: file.into_std().await, month, bytes, checksum: found, made_at }))
    }
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
