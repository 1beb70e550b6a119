//! Records the head of the chain where a change of this database can't reach it: as a signed
//! checkpoint, and as a timestamp of an authority. Neither can fail a run: without them, there is a
//! warning.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::context::App;
use super::environment::env;
use super::shutdown::Shutdown;
use crate::config::Evidence;
use crate::event::Hash;
use crate::evidence::Head;
use crate::evidence::checkpoint::Checkpoint;
use crate::evidence::key::SigningKey;
use crate::evidence::timestamp;
use crate::http::{self, NoResponse};
use crate::store::{AnchorKind, AnnouncedKeys, Reader, Store};

/// How long a checkpoint may take. A chain whose tree was never kept is read completely.
const LONGEST: Duration = Duration::from_mins(5);

/// How long an authority may take to answer.
const AUTHORITY: Duration = Duration::from_secs(10);

/// An answer with a certificate chain has a few KiB. A longer one is not read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why the head was not recorded.
pub(super) type Unrecorded = String;

/// Keeps a signed checkpoint of the chain, if the file names a key and the head is not `before`.
pub(super) async fn sign(
    app: &App<'_>,
    reader: &Reader,
    before: Option<&Head>,
    shutdown: &Shutdown,
) {
    let evidence = &app.config.evidence;
    let Some(variable) = &evidence.signing_key_env else { return };
    let work = async {
        let head = reader.head().await.map_err(|error| error.to_string())?;
        if head.is_none() || head.as_ref() == before {
            return Ok(());
        }
        let store = Store::new(reader, &App::holder());
        timeout(LONGEST, try_sign(evidence, variable, &store, reader))
            .await
            .unwrap_or_else(|_| Err("it took too long to read the chain".to_owned()))
    };
    tokio::select! {
        signed = work => if let Err(why) = signed {
            warn!("no checkpoint was signed: {why}");
        },
        () = shutdown.asked() => debug!("a signal ended the run before a checkpoint was signed"),
    }
}

/// Keeps a timestamp of the head, if the file names an authority and the head is not `before`.
pub(super) async fn stamp(
    app: &App<'_>,
    reader: &Reader,
    heads: (Option<&Head>, Option<&Head>),
    shutdown: &Shutdown,
) {
    let (before, head) = heads;
    let (Some(url), Some(head)) = (&app.config.evidence.timestamp_url, head) else { return };
    if Some(head) == before {
        return;
    }
    let store = Store::new(reader, &App::holder());
    tokio::select! {
        stamped = try_stamp(url, &store, head) => if let Err(why) = stamped {
            let host = url.host_str().unwrap_or_default();
            warn!("no timestamp was obtained from {host}: {why}");
        },
        () = shutdown.asked() => debug!("a signal ended the run before a timestamp came"),
    }
}

async fn try_sign(
    evidence: &Evidence,
    variable: &str,
    store: &Store,
    reader: &Reader,
) -> Result<(), Unrecorded> {
    let key = key(variable)?;
    let name = key.verifier().name();
    if let Some(origin) = evidence.origin.as_ref().filter(|origin| *origin != name) {
        return Err(format!(
            "the key in {variable} has the name {name}, and [evidence] origin is {origin}. Make \
             them equal"
        ));
    }
    let previous = evidence.previous_signing_key_env.as_deref().map(self::key).transpose()?;
    announce(&key, previous.as_ref(), store, reader).await?;
    let tree = reader.tree().await.map_err(|error| error.to_string())?;
    let tree = tree.ok_or("seals are missing in the database. Run `auditsync verify`")?;
    // Another run may have announced another key. A checkpoint behind that seal needs that key.
    if announced(reader).await?.current != Some(key.verifier().to_string()) {
        return Err("another run announced another key meanwhile".to_owned());
    }
    let checkpoint = Checkpoint { origin: name.clone(), size: tree.size(), root: tree.root() };
    let other = previous.as_ref().filter(|previous| previous.verifier() != key.verifier());
    let keys: Vec<&SigningKey> = [Some(&key), other].into_iter().flatten().collect();
    let note = checkpoint.sign(&keys).to_string();
    let anchors =
        [(AnchorKind::Checkpoint, note.into_bytes()), (AnchorKind::Edge, tree.to_bytes())];
    let kept = store.keep_anchors(tree.size() as i64, &anchors).await;
    kept.map_err(|error| error.to_string())
}

/// The signing key in a variable.
pub(super) fn key(variable: &str) -> Result<SigningKey, Unrecorded> {
    let text = env(variable).ok_or_else(|| format!("{variable} is not set"))?;
    SigningKey::parse(&text).map_err(|error| format!("{variable}: {error}"))
}

/// Makes the chain name the key that signs, unless it does already.
async fn announce(
    key: &SigningKey,
    previous: Option<&SigningKey>,
    store: &Store,
    reader: &Reader,
) -> Result<(), Unrecorded> {
    let new = key.verifier().to_string();
    let AnnouncedKeys { current, replaced } = announced(reader).await?;
    let is_known = current.as_ref() == Some(&new);
    // Under the same name, only the key that is replaced can tell a new key from a stranger's.
    let name = key.verifier().name().as_ref();
    let replaced = if is_known { replaced } else { current };
    let replaced = replaced.filter(|replaced| replaced.split('+').next() == Some(name));
    if replaced.is_some() && previous.map(|key| key.verifier().to_string()) != replaced {
        return Err(
            "another key of this name signed before. Set [evidence] previous_signing_key_env to \
             the variable that holds it, for one run. If that key is lost, make a key with a new \
             name"
                .to_owned(),
        );
    }
    if is_known {
        return Ok(());
    }
    store.announce_key(&new).await.map_err(|error| error.to_string())
}

async fn announced(reader: &Reader) -> Result<AnnouncedKeys, Unrecorded> {
    reader.announced_keys().await.map_err(|error| error.to_string())
}

async fn try_stamp(url: &Url, store: &Store, head: &Head) -> Result<(), Unrecorded> {
    let answer = timeout(AUTHORITY, ask(url, &head.seal)).await;
    let answer = answer.map_err(|_| "it did not answer in time".to_owned())??;
    timestamp::check(&answer, &head.seal).map_err(|error| error.to_string())?;
    let kept = store.keep_anchors(head.seq, &[(AnchorKind::Timestamp, answer)]).await;
    kept.map_err(|error| error.to_string())
}

/// Asks for a timestamp of a seal (RFC 3161, section 3.4).
async fn ask(url: &Url, seal: &Hash) -> Result<Vec<u8>, Unrecorded> {
    let words = |error: reqwest::Error| {
        NoResponse::new(&error, Some("[evidence] timestamp_url")).to_string()
    };
    let client = http::client(url, |client| client).map_err(|error| error.to_string())?;
    let request = client
        .post(url.clone())
        .header(CONTENT_TYPE, "application/timestamp-query")
        .body(timestamp::request(seal).to_vec());
    let mut answer = request.send().await.map_err(words)?;
    if answer.status() != StatusCode::OK {
        return Err(format!("it answered {}", answer.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(words)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST_ANSWER {
            return Err(format!("its answer is longer than {LONGEST_ANSWER} bytes"));
        }
    }
    Ok(bytes)
}
