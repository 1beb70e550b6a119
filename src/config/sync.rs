//! `[sync]` and `[source.sync]`: which days are due, and how many are read at the same time.

use std::time::Duration;

use toml::Spanned;

use super::document::{Table, bare};
use super::duration::show;
use super::mistake::Mistake;
use super::number::Whole;

/// `[sync]`: what holds for all sources together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// Days in flight at the same time, 1 to 1000.
    pub concurrency: usize,
}

impl Default for Sync {
    fn default() -> Self {
        Self { concurrency: 4 }
    }
}

/// Which days of a source are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePolicy {
    /// How many days to look back for missed or failed days, 1 to 3660.
    pub catch_up_days: u32,
    /// The ages, counted from a day's end, at which to read it again: ascending, or empty.
    pub recheck_after: Vec<Duration>,
}

impl Default for DuePolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self { catch_up_days: 7, recheck_after: vec![DAY, 3 * DAY] }
    }
}

/// The keys that one section sets.
pub(super) struct DueKeys {
    catch_up_days: Option<u32>,
    recheck_after: Option<Vec<Duration>>,
}

impl DueKeys {
    /// Reads `[sync]`.
    pub(super) fn common(section: &mut Table<'_, '_>) -> (Sync, Self) {
        let concurrency = bare(section.take::<Whole<1, 1000>>("concurrency"));
        let sync = concurrency
            .map_or_else(Sync::default, |Whole(count)| Sync { concurrency: count as usize });
        (sync, Self::read(section, "[sync]"))
    }

    /// Reads `[source.sync]`, whose absent keys come from `common`.
    pub(super) fn of_source(section: &mut Table<'_, '_>, common: &Self) -> DuePolicy {
        let (own, default) = (Self::read(section, "[source.sync]"), DuePolicy::default());
        DuePolicy {
            catch_up_days: own
                .catch_up_days
                .or(common.catch_up_days)
                .unwrap_or(default.catch_up_days),
            recheck_after: own
                .recheck_after
                .or_else(|| common.recheck_after.clone())
                .unwrap_or(default.recheck_after),
        }
    }

    fn read(section: &mut Table<'_, '_>, name: &str) -> Self {
        let catch_up_days = bare(section.take::<Whole<1, 3660>>("catch_up_days"));
        let ages = section.array::<Duration>("recheck_after");
        for pair in ages.iter().flat_map(|ages| ages.windows(2)) {
            if let [earlier, later] = pair
                && later.get_ref() <= earlier.get_ref()
            {
                let message = format!("the ages of `recheck_after` in {name} must ascend");
                let label = format!("this is not after {}", show(*earlier.get_ref()));
                section.report(Mistake::at(later.span(), message).label(label));
            }
        }
        Self {
            catch_up_days: catch_up_days.map(|Whole(count)| count),
            recheck_after: ages.map(|ages| ages.into_iter().map(Spanned::into_inner).collect()),
        }
    }
}
