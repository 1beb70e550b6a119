//! Fetches a month's archive: requests its address, downloads the file and checks it.
//!
//! The address is requested right before each download, because it may expire soon. It is kept out
//! of every text, because it gives access to the file. No event is read before the file's SHA-256
//! matches the checksum. The bytes wait on disk, so memory use does not grow with the file.

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use tracing::{info, warn};

use super::super::call::Call;
use super::super::fault::{Error, Fault};
use super::super::session::Session;
use super::download::{Download, Downloaded};
use super::fault::{ArchiveError, HostFault};
use super::file::{Archive, Made, time};
use crate::day::Month;
use crate::http::NoResponse;
use crate::text::secrets::learn_address;

/// What Heroku says about an archive (its schema, "archive"). The address is secret, so there is no
/// `Debug`.
#[derive(Deserialize)]
struct Info {
    url: Option<String>,
    checksum: Option<String>,
    /// Any value: a month is worth more than this field.
    #[serde(default)]
    created_at: Value,
}

/// Where a file is, and what it should be. Without `Debug` for the same reason.
struct Location {
    url: Url,
    checksum: String,
    made_at: Option<DateTime<Utc>>,
    /// Heroku's id of the request that named it.
    request_id: Option<String>,
}

impl Session {
    /// Downloads the archive of `month`, and retries by the policy.
    ///
    /// If the host refuses the address, a new one is requested once. Each redirect costs a request.
    pub(crate) async fn archive(
        &self,
        account: &str,
        month: Month,
    ) -> Result<Archive, ArchiveError> {
        let mut attempts = self.attempts();
        let mut may_renew_address = true;
        loop {
            let location = self.locate_archive(account, month).await?;
            let mut download = Download::new(location.url, self.client().api().request_timeout);
            let downloaded = match self.client().files() {
                Ok(files) => download.run(files, self.token()).await?,
                Err(error) => {
                    Err(HostFault::Passing(Fault::Network(NoResponse::new(&error, None))))
                }
            };
            self.add_requests(download.requests());
            let fault = match downloaded.and_then(|file| checked(file, &location.checksum)) {
                Ok(Downloaded { file, bytes, checksum }) => {
                    info!(account, %month, bytes, "archive downloaded");
                    let Location { made_at, request_id, .. } = location;
                    let made = match made_at {
                        Some(time) => Made::At(time),
                        None => Made::after_events(&file, month).await?,
                    };
                    return Ok(Archive { file, month, bytes, checksum, request_id, made });
                }
                Err(fault) => fault,
            };
            let host = download.host();
            let delay = match &fault {
                HostFault::Refused { .. } if may_renew_address => {
                    warn!(account, %month, host,
                        "the archive's address was refused; requesting a new one: {fault}");
                    may_renew_address = false;
                    self.add_retry();
                    continue;
                }
                HostFault::Refused { .. } | HostFault::Redirect { .. } => None,
                HostFault::Passing(fault) => attempts.next_delay(fault.retry_after()),
            };
            let Some(delay) = delay else {
                return Err(ArchiveError::Host {
                    archive: format!("archive {month} of {account}"),
                    host: host.to_owned(),
                    fault,
                    attempts: attempts.made(),
                    elapsed: attempts.elapsed(),
                });
            };
            let wait_ms = delay.as_millis() as u64;
            warn!(account, %month, host, wait_ms, "downloading the archive again: {fault}");
            self.add_retry();
            tokio::time::sleep(delay).await;
        }
    }

    /// The checksum that Heroku announces for the archive of `month`.
    pub(crate) async fn archive_checksum(
        &self,
        account: &str,
        month: Month,
    ) -> Result<String, ArchiveError> {
        let location = self.locate_archive(account, month).await?;
        Ok(location.checksum.to_ascii_lowercase())
    }

    async fn locate_archive(&self, account: &str, month: Month) -> Result<Location, ArchiveError> {
        let (year, number) = (month.year().to_string(), format!("{:02}", month.number()));
        let url = self.client().url(&["enterprise-accounts", account, "archives", &year, &number]);
        let request = format!("GET {}", url.path());
        let mut call = Call::new(self, url.clone());
        let error = match call.object::<Info>().await {
            Ok(info) => match location(info, &url) {
                Ok(location) => {
                    let request_id = call.request_id().map(str::to_owned);
                    return Ok(Location { request_id, ..location });
                }
                Err(problem) => Error::unusable(request, problem),
            },
            Err(error) => error,
        };
        Err(ArchiveError::Heroku { month, error })
    }
}

/// The location, if it can be used. The error names no address.
///
/// If the `api` is on this machine, as in a test, its archives may be there too.
fn location(info: Info, api: &Url) -> Result<Location, &'static str> {
    let url = info.url.ok_or("the archive has no url")?;
    // From now on no text shows it, not even a text of others that repeats it.
    learn_address(&url);
    let url = Url::parse(&url).map_err(|_| "the archive's url is not an address")?;
    if url.scheme() != "https" && !(url.scheme() == "http" && api.scheme() == "http") {
        return Err("the archive's url is not https");
    }
    let checksum = info
        .checksum
        .filter(|text| !text.is_empty())
        .ok_or("the archive has no checksum, so a cut file can't be told from a complete one")?;
    Ok(Location { url, checksum, made_at: time(&info.created_at), request_id: None })
}

/// The file, if it has this checksum.
fn checked(file: Downloaded, checksum: &str) -> Result<Downloaded, HostFault> {
    if file.checksum == checksum.to_ascii_lowercase() {
        return Ok(file);
    }
    Err(HostFault::Passing(Fault::Checksum { found: file.checksum, bytes: file.bytes }))
}
