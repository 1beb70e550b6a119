//! The dead-man ping: tells a monitor how a run went, so that one that never happens is noticed.

use std::time::Duration;

use reqwest::Url;
use tracing::{debug, warn};

use super::{DONE, ExitStatus, env};
use crate::config::Notify;

/// A monitor that does not answer must not hold a run up, nor a dyno that is told to end.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks for the URL that the file's variable holds, or `/fail` below it when the run did not end well. What becomes of
/// it changes no exit status.
pub(super) async fn ping(notify: &Notify, status: ExitStatus) {
    let variable = &notify.ping_url_env;
    let Some(url) = env(variable).map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()) else { return };
    let Ok(mut url) = Url::parse(&url) else {
        return warn!("what ${variable} holds is no address, so nobody could be told how the run went");
    };
    // A query, such as a monitor's own settings, stays behind the path.
    if status != DONE
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.pop_if_empty().push("fail");
    }
    match get(url).await {
        Ok(()) => debug!("the monitor was told"),
        // The address may be a secret, so the variable is named in its stead.
        Err(error) => warn!("the monitor at ${variable} could not be told how the run went: {}", error.without_url()),
    }
}

async fn get(url: Url) -> reqwest::Result<()> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    client.get(url).send().await?.error_for_status().map(drop)
}
