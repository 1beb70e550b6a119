//! The head of the chain of seals, where a command shows it at its end.

use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use crate::evidence::Head;
use crate::logging;
use crate::store::Reader;

/// How long a command waits for the head. Its result is worth more.
const PATIENCE: Duration = Duration::from_secs(3);

/// The head; `None` if there is none, or if it can't be read in time.
pub(super) async fn read(reader: &Reader) -> Option<Head> {
    if reader.lasting_outage().is_some() {
        return None;
    }
    match timeout(PATIENCE, reader.head()).await {
        Ok(Ok(head)) => head,
        Ok(Err(error)) => {
            warn!("the head of the chain of seals is not known: {error}");
            None
        }
        Err(_) => {
            warn!("the head of the chain of seals is not known: the database did not answer");
            None
        }
    }
}

/// Logs the last line of a command that may have moved the head, and returns the head.
pub(super) async fn log(command: &str, reader: &Reader) -> Option<Head> {
    let head = read(reader).await;
    logging::command_finished(command, head.as_ref());
    head
}
