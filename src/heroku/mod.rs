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

pub use activity::Activity;
pub use archive::{Archive, ArchiveError, BadRedirect, Entries, HostFault, Unreadable};
pub use client::Client;
pub use coding::DecodeError;
pub use continuation::Discontinued;
pub use fault::{Error, Fault};
pub use hint::Class;
#[doc(hidden)]
pub use list::count_elements;
pub use preflight::{EnterpriseAccount, Quota, User};
pub use reader::{Batch, DayQuery, DayReader, Read};
pub use sanitize::sanitize;
pub use session::{Cost, Session};
pub use team::{AccountRef, Home, Team};
pub use teams::{FoundTeam, LostTeam, TeamError, Teams};
