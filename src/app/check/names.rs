//! The part of the preflight that looks for days under a name that the file does not have.

use super::super::context::App;
use super::archives::PATIENCE;
use crate::coverage::coverage;
use crate::day::{DateRange, last_over};
use crate::report::check::Check;
use crate::store::Reader;

/// Warns of each enabled source without a day whose scope has days under another name: it may have
/// been renamed without `previous_names`.
pub(super) async fn look(app: &App<'_>, reader: &Reader) -> Vec<Check> {
    let sources = &app.config.sources;
    let find = async {
        let now = reader.now().await.ok()?;
        let window = DateRange::of(last_over(now));
        let snapshot = reader.status(sources, None, window).await.ok()?;
        Some(coverage(&sources.iter().collect::<Vec<_>>(), snapshot.standings, now))
    };
    let covered = tokio::time::timeout(PATIENCE, find).await.ok().flatten().unwrap_or_default();
    let renamed = covered.iter().filter(|source| source.was_never_synced());
    let warnings = renamed.filter_map(|source| {
        let [first, ..] = &*source.earlier_names else { return None };
        let (name, names) = (&source.source, source.earlier_names.join(", "));
        let found = format!("it has no day, and {names}, not in the file, has days of its scope");
        let advice =
            format!("If {name} is a new name of it, first add `previous_names = [\"{first}\"]`");
        Some(Check::good("source", name, found).advise(advice))
    });
    warnings.collect()
}
