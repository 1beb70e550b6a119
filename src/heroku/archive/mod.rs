//! Heroku's archive of a month: a second, independent record of its events.
//!
//! Heroku gives the address of the file, which is on another host. `fetch` requests the address and
//! downloads the file until its checksum is right, `download` talks to the host, `file` is the
//! downloaded file, `unpack` reads its events, `listed` is Heroku's list of months, and `fault`
//! holds what can go wrong, with hints.

mod download;
mod fault;
mod fetch;
mod file;
mod host_words;
mod listed;
mod unpack;

pub(crate) use fault::ArchiveError;
pub(crate) use file::{Archive, Dating};
pub(crate) use listed::{ListedArchive, ListedArchives};
pub(crate) use unpack::Unreadable;
