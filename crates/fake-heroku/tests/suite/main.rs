//! What the fake promises over HTTP, one file per chapter.

mod accounts;
mod archive_host;
mod clients;
mod events;
mod faults;
mod fixtures;
mod support;
