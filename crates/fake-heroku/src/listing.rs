//! The events of an answer: order, filters, pages.
//!
//! A page ends at a *position* in the day's list. The cursor in `Next-Range` looks like an event's
//! id, but encodes that position and the number of the page. Therefore days with repeated or
//! missing ids have pages like any other.

use chrono::NaiveDate;

use crate::event::Keys;
use crate::model::Day;
use crate::range::{Order, Range};

/// The only field by which a `Range` can sort events.
pub(crate) const FIELD: &str = "id";

/// Whether lists of events come in pages. Heroku documents neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// The entire day in one answer. Only the order in `Range` counts.
    #[default]
    Whole,
    /// The way of Heroku's long lists: 206 with `Next-Range` while more is left.
    Pages {
        /// Events in a page, if the request sets no number.
        default: usize,
        /// The largest number that a request may set; 1000 at Heroku.
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
    /// Parse the parameters. An error is Heroku's message.
    pub(crate) fn read(parameters: &[(String, String)]) -> Result<Self, String> {
        let mut query = Self::default();
        for (name, value) in parameters {
            match (name.as_str(), value.as_str()) {
                ("day", day) => match day.parse() {
                    Ok(date) if day.len() == 10 => query.day = Some(date),
                    _ => return Err(format!("day is not a date: {day}")),
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
        let is = |wanted: &Option<String>, given: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == given
        };
        is(&self.kind, keys.kind.as_deref())
            && is(&self.action, keys.action.as_deref())
            && is(&self.actor, keys.actor_email.as_deref())
    }
}

/// The start of a page: after the event at `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    page: usize,
    position: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let [page, "0000", "4000", "8000", position] = text.split('-').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let hex = |text| usize::from_str_radix(text, 16).ok();
        Some(Self { page: hex(page)?, position: hex(position)? })
    }

    fn token(self) -> String {
        format!("{:08x}-0000-4000-8000-{:012x}", self.page, self.position)
    }
}

/// The content of `Range` for a list of events: `id ..` or `id ]CURSOR..`, with parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    after: Option<Cursor>,
    range: Range,
}

impl Span {
    /// Parse the header. Events sort by id only, and only a cursor from a `Next-Range` starts a
    /// page.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let range = Range::parse(text).filter(|range| range.last.is_none())?;
        if range.field.as_deref().is_some_and(|field| field != FIELD) {
            return None;
        }
        let after = match &range.first {
            None => None,
            Some(bound) => Some(Cursor::parse(&bound.value).filter(|_| bound.is_excluded)?),
        };
        Some(Self { after, range })
    }

    /// The number of the requested page. The first is 1.
    pub(crate) fn page(&self) -> usize {
        self.after.map_or(1, |cursor| cursor.page)
    }

    /// The part of the span that counts for a day in one answer.
    pub(crate) fn order_alone(&self) -> Self {
        Self { after: None, range: Range { order: self.range.order, ..Range::default() } }
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
    /// The `Range` that names this page.
    pub(crate) own_range: String,
}

/// The requested page of `day`. The order in `Range` takes precedence over the order in the query.
pub(crate) fn page(day: &Day, query: Query, paging: Paging, span: &Span) -> Page {
    let is_descending =
        span.range.order.map_or(query.descending, |order| order == Order::Descending);
    let query = Query { descending: is_descending, ..query };
    let (default, max) = match paging {
        Paging::Whole => {
            let positions = positions(day, query, None);
            return Page {
                positions,
                content_range: None,
                next_range: None,
                own_range: span.range.own(FIELD, 1000),
            };
        }
        Paging::Pages { default, max } => (default, max),
    };
    let max = span.range.max.unwrap_or(default).clamp(1, max.max(1));
    let mut rest = positions(day, query, span.after);
    let taken: Vec<usize> = rest.by_ref().take(max).collect();
    let more = rest.next().is_some();
    let name = |position: usize| {
        let event = day.event(position);
        Keys::of(&event).id.map_or_else(|| format!("#{position}"), std::borrow::Cow::into_owned)
    };
    let ends = taken.first().zip(taken.last());
    let next = ends
        .filter(|_| more)
        .map(|(_, &last)| Cursor { page: span.page().saturating_add(1), position: last });
    Page {
        content_range: ends
            .map(|(&first, &last)| format!("{FIELD} {}..{}", name(first), name(last))),
        next_range: next.map(|cursor| span.range.behind(FIELD, &cursor.token(), max)),
        own_range: span.range.own(FIELD, max),
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
    fn a_span_of_events_begins_behind_a_cursor_or_at_the_start() {
        let cursor = Cursor { page: 3, position: 399 };
        let span = Span::parse(&format!("id ]{}..", cursor.token())).expect("a span");
        assert_eq!((span.after, span.page()), (Some(cursor), 3));
        for text in ["id ..; max=10;", "..; order=asc,max=5"] {
            assert_eq!(Span::parse(text).expect("a span").page(), 1, "{text}");
        }
        for other in ["name ..", "id ]x..", "bytes=0-10"] {
            assert!(Span::parse(other).is_none(), "{other}");
        }
        let (included, closed) =
            (format!("id {}..", cursor.token()), format!("id ..{}", cursor.token()));
        assert!(Span::parse(&included).is_none() && Span::parse(&closed).is_none());
    }
}
