//! What a page is made of.

use chrono::{DateTime, NaiveDate, Utc};

use super::super::verify::VerifyReport;
use crate::config::Scope;
use crate::day::DateRange;
use crate::store::{AppEvents, AppIdentity, ReportRows};

/// Everything that the page shows.
#[derive(Debug)]
pub(crate) struct PageData<'a> {
    /// The days.
    pub(crate) range: DateRange,
    /// The time that the page describes.
    pub(crate) as_of: DateTime<Utc>,
    /// How the page was made.
    pub(crate) made_by: MadeBy,
    /// The sources. The rows name them by their places here.
    pub(crate) sources: Vec<PageSource>,
    /// What the database says of them.
    pub(crate) rows: ReportRows,
    /// The app that runs auditsync, as far as it is known.
    pub(crate) app: AppIdentity,
    /// The events about that app.
    pub(crate) app_events: AppEvents,
    /// The verification of the days.
    pub(crate) verified: &'a VerifyReport,
}

/// How a page was made.
#[derive(Debug, Clone)]
pub(crate) struct MadeBy {
    /// The command, without the path that it writes to.
    pub(crate) command: String,
    /// The configuration file, as the user named it.
    pub(crate) file: String,
    /// The address of Heroku's API.
    pub(crate) api: String,
}

/// A source, as the file has it. One that only the ledger has is not in the file.
#[derive(Debug, Clone)]
pub(crate) struct PageSource {
    /// Its present name.
    pub(crate) name: String,
    /// The names under which its days may be stored, the present one first.
    pub(crate) names: Vec<String>,
    /// Its present scope.
    pub(crate) scope: Option<Scope>,
    /// The first day that must be covered.
    pub(crate) since: Option<NaiveDate>,
    pub(crate) in_file: bool,
    pub(crate) enabled: bool,
}
