//! Which archives a run reads, and which days each serves.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, NaiveDate, Utc};

use super::super::failure::Failure;
use super::archive_days::Account;
use super::fetches::FetchDay;
use super::keep::{FileId, KeepFolder, KeptFile};
use super::plan::{NamedSelection, RunRequest};
use super::remaining::{ArchiveMonths, ArchiveOptions};
use crate::config::{Source, SourceName};
use crate::day::{DateRange, Month};
use crate::heroku::{Client, ListedArchive, ListedArchives, sanitize};
use crate::moment::NamedDay;
use crate::plan::{Planned, Selection};
use crate::report::archives::ArchiveReport;
use crate::report::counted;

/// The archives that a run may read.
#[derive(Debug)]
pub(crate) struct Archives {
    accounts: Vec<(Account, AccountMonths)>,
    /// The accounts whose archives are not known, with the reason.
    pub(crate) problems: Vec<ArchiveReport>,
}

/// The months of an account, with what Heroku's list says of each, if it was asked.
type AccountMonths = BTreeMap<Month, Option<ListedArchive>>;

/// One archive to read or to keep.
#[derive(Debug)]
pub(crate) struct PlannedArchive {
    pub(crate) account: Account,
    pub(crate) month: Month,
    /// The days to read from it.
    pub(crate) days: Vec<FetchDay>,
    /// What Heroku's list says of it, if it was asked.
    pub(crate) listed: Option<ListedArchive>,
    /// The file that keeps it already.
    pub(crate) kept: Option<KeptFile>,
}

impl Archives {
    /// The archives that `request` is about.
    pub(crate) async fn find(
        client: &Client,
        accounts: Vec<Account>,
        request: &RunRequest<'_>,
        options: &ArchiveOptions,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        match (options.months, request.selection.at(now)?) {
            (ArchiveMonths::OfSelection, Selection::Named(range)) => {
                let months: AccountMonths = months(range).map(|month| (month, None)).collect();
                let accounts = accounts.into_iter().map(|account| (account, months.clone()));
                Ok(Self { accounts: accounts.collect(), problems: Vec::new() })
            }
            _ => Ok(Self::listed(client, accounts).await),
        }
    }

    /// The archives that Heroku lists.
    pub(crate) async fn listed(client: &Client, accounts: Vec<Account>) -> Self {
        let mut archives = Self { accounts: Vec::new(), problems: Vec::new() };
        for account in accounts {
            match list(client, &account).await {
                Ok((months, odd)) => {
                    archives.problems.extend(odd.map(|odd| account.report(None).failed(odd)));
                    archives.accounts.push((account, months));
                }
                Err(problem) => archives.problems.push(account.report(None).failed(problem)),
            }
        }
        archives
    }

    /// The archives of one month.
    pub(crate) fn of_month(accounts: Vec<Account>, month: Month) -> Self {
        let accounts = accounts.into_iter().map(|account| (account, [(month, None)].into()));
        Self { accounts: accounts.collect(), problems: Vec::new() }
    }

    /// The accounts whose archives are known.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().map(|(account, _)| account)
    }

    /// The archives that hold a complete day, oldest first by account.
    pub(crate) fn begun(&self, newest: NaiveDate) -> impl Iterator<Item = (&Account, Month)> {
        let months = self.accounts.iter().flat_map(|(account, months)| {
            months.iter().map(move |(month, listed)| (account, *month, listed.as_ref()))
        });
        let is_begun = move |(_, month, listed): &(&Account, Month, Option<&ListedArchive>)| {
            owed_to(*month, *listed, newest).is_some()
        };
        months.filter(is_begun).map(|(account, month, _)| (account, month))
    }

    /// `request`, with the days to plan for.
    pub(crate) fn select<'a>(
        &self,
        request: &RunRequest<'a>,
        options: &ArchiveOptions,
        newest: NaiveDate,
    ) -> RunRequest<'a> {
        let selection =
            if options.reads_listed() { self.selection(newest) } else { request.selection };
        RunRequest { selection, ..request.clone() }
    }

    /// The days of all archives. Where Heroku lists no month, there is none; but a plan needs a
    /// range.
    fn selection(&self, newest: NaiveDate) -> NamedSelection {
        let months = || self.accounts.iter().flat_map(|(_, months)| months);
        let from = months().map(|(month, _)| month.first()).min();
        let to = months().filter_map(|(month, listed)| owed_to(*month, listed.as_ref(), newest));
        let range = DateRange::between(from, to.max()).unwrap_or_else(|| DateRange::of(newest));
        NamedSelection::Days(NamedDay::On(range.from), Some(NamedDay::On(range.to)))
    }

    /// Whether the archive of a planned day reaches so far.
    pub(crate) fn reach(&self, day: &Planned<'_>, newest: NaiveDate) -> bool {
        let (date, month) = (day.key.date, Month::of(day.key.date));
        self.accounts.iter().any(|(account, months)| {
            account.sources.iter().any(|source| source.name == day.source.name)
                && months
                    .get(&month)
                    .and_then(|listed| owed_to(month, listed.as_ref(), newest))
                    .is_some_and(|to| date <= to)
        })
    }

    /// The archives to read, oldest month first: those that serve due days and, to be kept, all
    /// others.
    pub(crate) async fn plan(
        &self,
        planned: &[Planned<'_>],
        keep: Option<&KeepFolder>,
        newest: NaiveDate,
    ) -> Vec<PlannedArchive> {
        let mut archives = Vec::new();
        for (account, months) in &self.accounts {
            for (&month, listed) in months {
                let listed = listed.clone();
                let of_month = planned.iter().filter(|day| Month::of(day.key.date) == month);
                let days = of_month.filter_map(FetchDay::of);
                let days: Vec<_> = days.filter(|day| account.slot(day).is_some()).collect();
                let is_begun = owed_to(month, listed.as_ref(), newest).is_some();
                if !is_begun || (days.is_empty() && keep.is_none()) {
                    continue;
                }
                let kept = match (keep, listed.as_ref().and_then(|one| one.checksum.clone())) {
                    (Some(keep), Some(checksum)) => {
                        find(keep, FileId { account: account.name.clone(), month, checksum }).await
                    }
                    _ => None,
                };
                let account = account.clone();
                archives.push(PlannedArchive { account, month, days, listed, kept });
            }
        }
        archives.sort_by_key(|archive| archive.month);
        archives
    }
}

impl PlannedArchive {
    /// Whether its file has to be downloaded, as far as is known.
    pub(crate) fn is_download(&self) -> bool {
        !self.days.is_empty() || self.kept.is_none()
    }

    /// A report about it.
    pub(crate) fn report(&self) -> ArchiveReport {
        self.account.report(Some(self.month))
    }
}

impl Account {
    /// A report about one of its archives.
    fn report(&self, month: Option<Month>) -> ArchiveReport {
        let sources: Vec<SourceName> =
            self.sources.iter().map(|source| source.name.clone()).collect();
        ArchiveReport::new(&self.name, month, sources)
    }

    /// The source whose variables and names stand in hints.
    pub(crate) fn first(&self) -> &Source {
        &self.sources[0]
    }
}

/// The file, if it is kept. One that can't be read is kept anew, which names the error.
pub(crate) async fn find(keep: &KeepFolder, id: FileId) -> Option<KeptFile> {
    let keep = keep.clone();
    let found = tokio::task::spawn_blocking(move || keep.find(&id)).await;
    found.ok().and_then(Result::ok).flatten()
}

/// The months that Heroku lists of an account, and what is odd in its list; or why they are not
/// known.
async fn list(
    client: &Client,
    account: &Account,
) -> Result<(AccountMonths, Option<String>), String> {
    let session = account.session(client);
    let listed = session.archives(&account.name).await.map_err(|error| {
        format!("the archives can't be listed: {error}. {}", error.hint(account.first()))
    })?;
    let ListedArchives { archives, odd } = listed;
    if archives.is_empty() && odd.is_empty() {
        let name = sanitize(&account.name, session.token());
        return Err(format!(
            "Heroku lists no archive of {name}, so nothing was taken. Heroku's lists may have its \
             days: `auditsync backfill --via api`"
        ));
    }
    let months = archives.into_iter().map(|archive| (archive.month, Some(archive))).collect();
    Ok((months, (!odd.is_empty()).then(|| odd_archives(&odd))))
}

/// What to do about archives in Heroku's list that can't be requested.
pub(crate) fn odd_archives(odd: &[String]) -> String {
    format!(
        "Heroku's list names {} whose month is none of the audit trail, so nothing of it was \
         taken: {}. Ask Heroku what it holds",
        counted(odd.len() as u64, "archive"),
        odd.join("; ")
    )
}

/// The newest day that an archive should hold, as far as is known before it is downloaded: the last
/// one of a month that is over, and of the current month the last one that it covers.
fn owed_to(month: Month, listed: Option<&ListedArchive>, newest: NaiveDate) -> Option<NaiveDate> {
    match listed {
        Some(listed) if month.last() > newest => listed.may_cover_to(newest),
        _ => (month.first() <= newest).then(|| month.last().min(newest)),
    }
}

/// The months that a range touches, oldest first.
fn months(range: DateRange) -> impl Iterator<Item = Month> {
    let after = |month: &Month| Some(Month::of(month.first() + Months::new(1)));
    std::iter::successors(Some(Month::of(range.from)), after)
        .take_while(move |month| month.first() <= range.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_days_touches_each_of_its_months_once() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let months = |from, to| -> Vec<String> {
            months(DateRange::new(date(from), date(to))).map(|month| month.to_string()).collect()
        };
        assert_eq!(months("2024-09-30", "2024-10-01"), ["2024-09", "2024-10"]);
        assert_eq!(months("2024-09-01", "2024-09-30"), ["2024-09"]);
        assert_eq!(
            months("2023-11-15", "2024-02-01"),
            ["2023-11", "2023-12", "2024-01", "2024-02"]
        );
    }
}
