//! The dead-man ping: tells a monitor how a run went, so that one that never happens is noticed.

use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use tracing::{debug, warn};

use super::environment::env;
use super::failure::{DONE, ExitStatus};
use crate::config::Notify;
use crate::http;

/// A monitor that does not answer must not hold a run up, nor a dyno that is told to end.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Who is to be told.
#[derive(Debug)]
pub(super) enum Monitor {
    /// The variable is not set.
    Nobody,
    /// It holds what is no address.
    Unreadable,
    /// The monitor at this address.
    At(Url),
}

/// What the file's variable holds.
pub(super) fn address(notify: &Notify) -> Monitor {
    let Some(text) = env(&notify.ping_url_env) else { return Monitor::Nobody };
    match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Monitor::At(url),
        _ => Monitor::Unreadable,
    }
}

/// Asks for the URL that the file's variable holds, or `/fail` below it when the run did not end
/// well. What becomes of it changes no exit status.
pub(super) async fn ping(notify: &Notify, status: ExitStatus) {
    let variable = &notify.ping_url_env;
    let mut url = match address(notify) {
        Monitor::Nobody => return,
        Monitor::Unreadable => {
            return warn!(
                "what ${variable} holds is no address, so nobody could be told how the run went"
            );
        }
        Monitor::At(url) => url,
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
        Err(why) => warn!("the monitor at ${variable} could not be told how the run went: {why}"),
    }
}

async fn get(url: Url) -> Result<(), String> {
    // A monitor may have moved to another address.
    let client = http::client(&url, |client| client.timeout(TIMEOUT).redirect(Policy::default()))
        .map_err(|error| error.to_string())?;
    let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    answer.map(drop).map_err(|error| error.without_url().to_string())
}
