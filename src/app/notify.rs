//! The ping after each run. A monitor that misses it notices that no run happened. The ping carries
//! the head of the chain of seals, so a monitor that keeps its requests is a copy elsewhere.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Url};
use tracing::{debug, warn};

use super::environment::env;
use super::failure::{DONE, ExitStatus};
use crate::config::Notify;
use crate::evidence::Head;
use crate::http::{self, NoResponse};

/// A monitor that does not answer must delay neither a run nor a dyno that is about to stop.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The monitor that the variable names.
#[derive(Debug)]
pub(super) enum Monitor {
    /// The variable is not set.
    Nobody,
    /// Its value is not an address.
    Unreadable,
    /// The monitor at this address.
    At(Url),
}

/// Reads the variable that the file names.
pub(super) fn address(notify: &Notify) -> Monitor {
    let Some(text) = env(&notify.ping_url_env) else { return Monitor::Nobody };
    match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Monitor::At(url),
        _ => Monitor::Unreadable,
    }
}

/// Requests the monitor's URL, or `/fail` below it if the run did not exit with 0. A failure
/// changes no exit status.
pub(super) async fn ping(notify: &Notify, status: ExitStatus, head: Option<&Head>) {
    let variable = &notify.ping_url_env;
    let mut url = match address(notify) {
        Monitor::Nobody => return,
        Monitor::Unreadable => {
            return warn!("the value of ${variable} is not an address, so no monitor was notified");
        }
        Monitor::At(url) => url,
    };
    // A query, such as the monitor's settings, stays after the path.
    if status != DONE
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.pop_if_empty().push("fail");
    }
    match get(url, head).await {
        Ok(()) => debug!("the monitor was notified"),
        // The address may be a secret, so the message names the variable instead.
        Err(why) => warn!("the monitor at ${variable} could not be notified: {why}"),
    }
}

async fn get(url: Url, head: Option<&Head>) -> Result<(), String> {
    let head = head.map(|head| {
        let Head { log, seq, seal } = head;
        format!("head_log={log} head_seq={seq} head_seal={}", hex::encode(seal))
    });
    let user_agent = http::user_agent(head.as_deref());
    // A monitor may have moved to another address.
    let configure = |client: ClientBuilder| {
        client.timeout(TIMEOUT).redirect(Policy::default()).user_agent(&user_agent)
    };
    let client = http::client(&url, configure).map_err(|error| error.to_string())?;
    let answer = client.get(url).send().await;
    // Only the host: the rest of the address may be a secret.
    let status = answer.map_err(|error| NoResponse::new(&error, None).to_string())?.status();
    if status.is_client_error() || status.is_server_error() {
        return Err(format!("it answered {status}. Check the address in the variable"));
    }
    Ok(())
}
