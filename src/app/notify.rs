//! The dead-man ping: tells a monitor how a run went, so that one that never happens is noticed.

use std::time::Duration;

use tracing::{debug, warn};

use super::{DONE, ExitStatus, env};
use crate::config::Notify;

/// A monitor that does not answer must not hold a run up, nor a dyno that is told to end.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks for the URL that the file's variable holds, or it and `/fail` when the run did not end well. What becomes of it
/// changes no exit status.
pub(super) async fn ping(notify: &Notify, status: ExitStatus) {
    let variable = &notify.ping_url_env;
    let Some(url) = env(variable).map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()) else { return };
    let url = if status == DONE { url } else { format!("{}/fail", url.trim_end_matches('/')) };
    match get(&url).await {
        Ok(()) => debug!("the monitor was told"),
        // The address may be a secret, so the variable is named in its stead.
        Err(error) => warn!("the monitor at ${variable} could not be told how the run went: {}", error.without_url()),
    }
}

async fn get(url: &str) -> reqwest::Result<()> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    client.get(url).send().await?.error_for_status().map(drop)
}
