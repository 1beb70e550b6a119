//! The client of Heroku's API. Only this module knows URLs, headers, pages and error ids. It stores
//! nothing.
//!
//! It promises that:
//! - a day is reported as complete only after its last page was read to its end;
//! - no token exceeds its pace, and a token is sent to the configured host only;
//! - every failure has a [`Class`], which decides about a retry, and a hint for people.
//!
//! A [`Client`] gives a [`Session`] for each fetch, and the session has one method for each
//! operation.

mod activity;
mod answer;
mod archive;
mod budget;
mod call;
mod client;
mod coding;
mod continuation;
mod fault;
#[cfg(test)]
mod fuzz;
mod hint;
mod list;
mod page;
mod preflight;
mod reader;
mod sanitize;
mod session;
mod team;
mod teams;

pub(crate) use archive::{
    Archive, ArchiveError, Dating, ListedArchive, ListedArchives, Unreadable,
};
pub(crate) use client::Client;
pub(crate) use fault::Error;
pub(crate) use hint::Class;
#[doc(hidden)]
pub use list::count_elements;
pub(crate) use preflight::ListedAccount;
pub(crate) use reader::{Batch, DayQuery, DayReader, Read};
pub(crate) use sanitize::sanitize;
pub(crate) use session::{Cost, Session};
pub(crate) use team::Team;
pub(crate) use teams::{FoundTeam, TeamError, Teams};
