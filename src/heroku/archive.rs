//! A month's archive, Heroku's second witness: found, downloaded, checked, and read as often as is wanted.
//!
//! Its address is asked for right before each download, because it may not live long, and is kept out of every text,
//! because whoever has it has the file. It lies on another host, which is not sent the token. Nothing is read of a file
//! before the SHA-256 of the bytes as downloaded was found to be its checksum, so the file waits on disk, without a
//! name. Memory holds a few batches, however long the month was.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use flate2::read::MultiGzDecoder;
use reqwest::{Response, Url};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::answer::{Class, Error, Fault, class};
use super::asking::{Asking, Cost};
use super::list::{ListSplitter, Malformed};
use super::reader::{BATCH_BYTES, BATCH_EVENTS, Batch};
use super::{Asker, Client};
use crate::day::{Month, end, last_over};
use crate::event::{Event, NotJson};
use crate::text::secrets::learn_address;

/// How much of a file is unpacked at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// How many batches wait to be taken.
const BATCHES_AHEAD: usize = 2;

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

/// A file with the right checksum that is no archive all the same.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It can't be unpacked, or read from disk.
    #[error("the archive can't be unpacked: {0}")]
    Packing(#[from] io::Error),
    /// It holds no list of events, or half of one.
    #[error("the archive is not as documented: {0}")]
    Body(#[from] Malformed),
    /// An element of its list is not JSON.
    #[error("the archive is not as documented: {0}")]
    Element(#[from] NotJson),
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
        // Whoever repeats it, it is in no text.
        learn_address(&url);
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
        let file = At { file: self.file.try_clone()?, at: 0 };
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = unpack(file, &sender) {
                // Whoever reads may have had enough.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(Entries { receiver })
    }
}

/// The events of an archive in the order of the file, a batch at a time. While one is taken, the next is unpacked.
#[derive(Debug)]
pub struct Entries {
    receiver: mpsc::Receiver<Result<Batch, Unreadable>>,
}

impl Entries {
    /// The next events, or `None` behind the last of a file that was read whole.
    pub async fn next(&mut self) -> Result<Option<Batch>, Unreadable> {
        self.receiver.recv().await.transpose()
    }
}

/// Reads `file` to its end, or until nobody wants more.
fn unpack(file: At, sender: &mpsc::Sender<Result<Batch, Unreadable>>) -> Result<(), Unreadable> {
    let mut reader = unpacked(file)?;
    let mut entries = Unpacking::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        entries.push(&chunk[..length]);
        while let Some(batch) = entries.next_batch()? {
            if sender.blocking_send(Ok(batch)).is_err() {
                return Ok(());
            }
        }
    }
    let rest = entries.finish()?;
    if !rest.is_empty() {
        let _ = sender.blocking_send(Ok(rest));
    }
    Ok(())
}

/// A file, read from a place of its own: two readings of one file share nothing.
#[derive(Debug)]
struct At {
    file: File,
    at: u64,
}

impl Read for At {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(bytes, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// The contents of a file, gzip by its first bytes (RFC 1952, section 2.3.1) or plain.
fn unpacked(mut file: At) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::with_capacity(2);
    io::Read::by_ref(&mut file).take(2).read_to_end(&mut magic)?;
    file.at = 0;
    let file = BufReader::with_capacity(CHUNK, file);
    Ok(if magic == [0x1f, 0x8b] { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Makes batches of events out of the bytes of an archive.
#[derive(Debug)]
struct Unpacking {
    splitter: ListSplitter,
    batch: Batch,
    batch_bytes: usize,
}

impl Default for Unpacking {
    fn default() -> Self {
        Self { splitter: ListSplitter::of_archive(), batch: Batch::new(), batch_bytes: 0 }
    }
}

impl Unpacking {
    fn push(&mut self, chunk: &[u8]) {
        self.splitter.push(Bytes::copy_from_slice(chunk));
    }

    /// The next full batch; `None` when the chunk is used up.
    fn next_batch(&mut self) -> Result<Option<Batch>, Unreadable> {
        while let Some(element) = self.splitter.next_element()? {
            self.batch_bytes += element.len();
            // A copy, because a few events that are kept for longer would keep their whole chunks.
            self.batch.push(Event::from_bytes(Bytes::copy_from_slice(&element))?);
            if self.batch.len() >= BATCH_EVENTS || self.batch_bytes >= BATCH_BYTES {
                self.batch_bytes = 0;
                return Ok(Some(std::mem::take(&mut self.batch)));
            }
        }
        Ok(None)
    }

    /// The last events, if the archive ended as one should.
    fn finish(self) -> Result<Batch, Unreadable> {
        self.splitter.finish()?;
        Ok(self.batch)
    }
}
