//! The rules between sources: names, former names, equal sources, and the budgets of tokens.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::document::Table;
use super::mistake::{Mistake, Span};
use super::rate_limit::RateLimit;
use super::source::{Scope, SourceName};
use super::source_section::{SourcePart, SourceSection};

/// Checks all sections of the file against each other.
pub(super) fn check(sources: &[SourceSection], file: &mut Table<'_, '_>) {
    let names = check_names(sources, file);
    check_previous_names(sources, &names, file);
    check_scopes(sources, file);
    check_budgets(sources, file);
}

/// Each source, and each section with teams, needs a name of its own. Returns the names.
fn check_names(sources: &[SourceSection], file: &mut Table<'_, '_>) -> HashMap<SourceName, Span> {
    let mut firsts: HashMap<SourceName, Span> = HashMap::new();
    for section in sources {
        let own = section.name.as_ref().map(|name| (name.get_ref(), name.span()));
        let is_own = |part: &&SourcePart| own.as_ref().is_none_or(|(own, _)| *own != &part.name);
        let of_teams = section.parts.iter().filter(is_own);
        let of_teams = of_teams.map(|part| (&part.name, part.place.clone()));
        for (name, place) in own.clone().into_iter().chain(of_teams) {
            match firsts.entry(name.clone()) {
                Entry::Vacant(free) => {
                    free.insert(place);
                }
                Entry::Occupied(first) => {
                    let message = format!("two sources are named `{name}`");
                    let mistake = Mistake::at(place, message).label("choose another name");
                    file.report(mistake.also(Some(first.get().clone()), "the first one"));
                }
            }
        }
    }
    firsts
}

/// A former name belongs to one source, and no source has it now.
fn check_previous_names(
    sources: &[SourceSection],
    names: &HashMap<SourceName, Span>,
    file: &mut Table<'_, '_>,
) {
    let mut firsts: HashMap<&SourceName, Span> = HashMap::new();
    for former in sources.iter().flat_map(|section| &section.previous_names) {
        let name = former.get_ref();
        if let Some(current) = names.get(name) {
            let message = format!("`{name}` is a former name, and the name of a source");
            let help = "a source that has the name now owns its days: remove that source, or this \
                        former name";
            let mistake = Mistake::at(former.span(), message).label("a former name");
            file.report(
                mistake.also(Some(current.clone()), "the name of a source").help(help.to_owned()),
            );
        }
        match firsts.entry(name) {
            Entry::Vacant(free) => {
                free.insert(former.span());
            }
            Entry::Occupied(first) => {
                let message = format!("`{name}` is named twice as a former name");
                let mistake = Mistake::at(former.span(), message).label("remove one of the two");
                file.report(mistake.also(Some(first.get().clone()), "the first one"));
            }
        }
    }
}

/// Two sources of the same scope would store each event twice.
fn check_scopes(sources: &[SourceSection], file: &mut Table<'_, '_>) {
    let mut firsts: HashMap<&Scope, &SourcePart> = HashMap::new();
    for part in sources.iter().flat_map(|section| &section.parts) {
        let first = *firsts.entry(&part.scope).or_insert(part);
        if first.name != part.name {
            let message = format!(
                "`{}` and `{}` read the same account, team and filter",
                first.name, part.name
            );
            let help = "each event would be stored twice: keep one. If it was renamed, add its \
                        former name to `previous_names`";
            let mistake = Mistake::at(part.place.clone(), message).label("equal to the first one");
            file.report(
                mistake.also(Some(first.place.clone()), "the first one").help(help.to_owned()),
            );
        }
    }
}

/// Sources that share a token share its budget.
fn check_budgets(sources: &[SourceSection], file: &mut Table<'_, '_>) {
    let mut firsts: HashMap<&str, (Span, RateLimit)> = HashMap::new();
    for source in sources {
        let (variable, Some(limit)) = (&source.token_env, &source.rate_limit) else { continue };
        let (place, first) =
            firsts.entry(variable).or_insert_with(|| (limit.span(), *limit.get_ref()));
        if first != limit.get_ref() {
            let message = format!(
                "two sources share the token in {variable} but set different budgets for it"
            );
            let help = "Heroku counts requests by token: set the same budget for both, or set it \
                        once in [rate_limit]";
            let mistake = Mistake::at(limit.span(), message)
                .label(limit.get_ref().to_string())
                .also(Some(place.clone()), first.to_string())
                .help(help.to_owned());
            file.report(mistake);
        }
    }
}
