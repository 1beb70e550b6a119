//! Which events an answer holds: order, filters, pages.
//!
//! A page ends at a *position* in the day's list. The cursor in `Next-Range` looks like an event's id, but says that
//! position and the number of the page, so that days with repeated ids, or none, page as well as any other.

use chrono::NaiveDate;

use crate::event::Keys;
use crate::model::Day;

/// Whether lists of events come in pages. Heroku does not say which of the two it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// The whole day in one answer; `Range` is ignored.
    #[default]
    Whole,
    /// Heroku's way with long lists: 206 with `Next-Range` while more is left.
    Pages {
        /// Events in a page if the request does not say.
        default: usize,
        /// The most that a request may ask for, 1000 at Heroku.
        max: usize,
    },
}

/// The query of a request for events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) day: Option<NaiveDate>,
    descending: bool,
    kind: Option<String>,
    action: Option<String>,
    actor: Option<String>,
}

impl Query {
    /// Reads the parameters; an error is the text for people.
    pub(crate) fn read(parameters: &[(String, String)]) -> Result<Self, String> {
        let mut query = Self::default();
        for (name, value) in parameters {
            match (name.as_str(), value.as_str()) {
                ("day", day) => match day.parse() {
                    Ok(date) if day.len() == 10 => query.day = Some(date),
                    _ => return Err(format!("day is no date: {day}")),
                },
                ("order", "asc") => query.descending = false,
                ("order", "desc") => query.descending = true,
                ("type", kind) => query.kind = Some(kind.to_owned()),
                ("action", action) => query.action = Some(action.to_owned()),
                ("actor", actor) => query.actor = Some(actor.to_owned()),
                _ => return Err(format!("unknown parameter: {name}={value}")),
            }
        }
        Ok(query)
    }

    fn filters(&self) -> bool {
        self.kind.is_some() || self.action.is_some() || self.actor.is_some()
    }

    fn selects(&self, event: &[u8]) -> bool {
        let keys = Keys::of(event);
        let is = |wanted: &Option<String>, given: Option<&str>| wanted.is_none() || wanted.as_deref() == given;
        is(&self.kind, keys.kind.as_deref())
            && is(&self.action, keys.action.as_deref())
            && is(&self.actor, keys.actor_email.as_deref())
    }
}

/// Where a page begins: behind the event at `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    page: usize,
    position: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let [page, "0000", "4000", "8000", position] = text.split('-').collect::<Vec<_>>()[..] else { return None };
        let hex = |text| usize::from_str_radix(text, 16).ok();
        Some(Self { page: hex(page)?, position: hex(position)? })
    }

    fn token(self) -> String {
        format!("{:08x}-0000-4000-8000-{:012x}", self.page, self.position)
    }
}

/// The header `Range`: `id ..`, `id ]CURSOR..`, then `; max=N` or `; order=asc,max=N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    after: Option<Cursor>,
    max: Option<usize>,
}

impl Range {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (span, parameters) = text.split_once(';').unwrap_or((text, ""));
        let from = span.trim().strip_prefix("id ")?.strip_suffix("..")?.trim();
        let after = match from {
            "" => None,
            from => Some(Cursor::parse(from.strip_prefix(']')?)?),
        };
        let mut max = None;
        for parameter in parameters.split([',', ';']).map(str::trim).filter(|text| !text.is_empty()) {
            match parameter.split_once('=')? {
                ("max", number) => max = Some(number.parse().ok().filter(|number| *number > 0)?),
                ("order", "asc" | "desc") => {}
                _ => return None,
            }
        }
        Some(Self { after, max })
    }

    /// The number of the page that this asks for; the first is 1.
    pub(crate) fn page(self) -> usize {
        self.after.map_or(1, |cursor| cursor.page)
    }
}

/// Positions of events.
pub(crate) type Positions = Box<dyn Iterator<Item = usize> + Send>;

/// The events of one answer.
pub(crate) struct Page {
    pub(crate) positions: Positions,
    /// The header `Content-Range`, of a page that is not empty.
    pub(crate) content_range: Option<String>,
    /// The header `Next-Range`, if more is left.
    pub(crate) next_range: Option<String>,
    /// The `Range` that names this page itself.
    pub(crate) own_range: String,
}

/// The page of `day` that is asked for.
pub(crate) fn page(day: &Day, query: Query, paging: Paging, range: Range) -> Page {
    let own = |max: usize| {
        let from = range.after.map_or(String::new(), |cursor| format!("]{}", cursor.token()));
        format!("id {from}..; max={max}")
    };
    let (default, max) = match paging {
        Paging::Whole => {
            let positions = positions(day, query, None);
            return Page { positions, content_range: None, next_range: None, own_range: own(1000) };
        }
        Paging::Pages { default, max } => (default, max),
    };
    let max = range.max.unwrap_or(default).clamp(1, max.max(1));
    let mut rest = positions(day, query, range.after);
    let taken: Vec<usize> = rest.by_ref().take(max).collect();
    let more = rest.next().is_some();
    let name = |position: usize| {
        let event = day.event(position);
        Keys::of(&event).id.map_or_else(|| format!("#{position}"), std::borrow::Cow::into_owned)
    };
    let ends = taken.first().zip(taken.last());
    let next = ends.filter(|_| more).map(|(_, &last)| Cursor { page: range.page().saturating_add(1), position: last });
    Page {
        content_range: ends.map(|(&first, &last)| format!("id {}..{}", name(first), name(last))),
        next_range: next.map(|cursor| format!("id ]{}..; max={max}", cursor.token())),
        own_range: own(max),
        positions: Box::new(taken.into_iter()),
    }
}

fn positions(day: &Day, query: Query, after: Option<Cursor>) -> Positions {
    let count = day.len();
    let all: Positions = match (query.descending, after) {
        (false, None) => Box::new(0..count),
        (false, Some(cursor)) => Box::new(cursor.position.saturating_add(1)..count),
        (true, None) => Box::new((0..count).rev()),
        (true, Some(cursor)) => Box::new((0..cursor.position.min(count)).rev()),
    };
    if !query.filters() {
        return all;
    }
    let day = day.clone();
    Box::new(all.filter(move |position| query.selects(&day.event(*position))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_in_each_of_its_forms_and_garbage_is_none() {
        let cursor = Cursor { page: 3, position: 399 };
        let after = Some(cursor);
        assert_eq!(Range::parse("id ..; max=10;"), Some(Range { after: None, max: Some(10) }));
        assert_eq!(Range::parse("id ..; order=asc,max=5"), Some(Range { after: None, max: Some(5) }));
        assert_eq!(Range::parse(&format!("id ]{}..", cursor.token())), Some(Range { after, max: None }));
        for garbage in ["", "id", "bytes=0-10", "id ]x..", "id ..; max=0", "id ..; max=many", "name ..", "id ..; a=b"] {
            assert_eq!(Range::parse(garbage), None, "{garbage}");
        }
    }
}
