//! The header `Range` of a list: `id ..`, `name ]a..b; order=desc,max=10;`, `..; max=1000`.
//!
//! Clients write it in several ways: Heroku's CLI ends it with a semicolon; heroku-go may omit the
//! field and puts `max` before `order`.

/// The direction of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// The start or the end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) value: String,
    /// Written as `]value..` or `..value[`.
    pub(crate) is_excluded: bool,
}

/// The requested part of a list. `None` means that the header does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) field: Option<String>,
    pub(crate) first: Option<Bound>,
    pub(crate) last: Option<Bound>,
    pub(crate) max: Option<usize>,
    pub(crate) order: Option<Order>,
}

impl Range {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (span, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (begin, end) = span.split_once("..")?;
        let (field, first) = match begin.trim_start().split_once(char::is_whitespace) {
            Some((field, first)) => (Some(field.to_owned()), first),
            None => (None, begin),
        };
        let (first, end) = (first.trim(), end.trim());
        // A value contains no blank, and a mark needs a value.
        if first.contains(char::is_whitespace)
            || end.contains(char::is_whitespace)
            || first == "]"
            || end == "["
        {
            return None;
        }
        let first = bound(first.strip_prefix(']'), first.trim_start_matches('['));
        let last = bound(end.strip_suffix('['), end.trim_end_matches(']'));
        let mut range = Self { field, first, last, max: None, order: None };
        for parameter in parameters.split([',', ';']).map(str::trim).filter(|text| !text.is_empty())
        {
            let (name, value) = parameter.split_once('=')?;
            match (name.trim(), value.trim()) {
                ("max", number) => {
                    range.max = Some(number.parse().ok().filter(|number| *number > 0)?);
                }
                ("order", "asc") => range.order = Some(Order::Ascending),
                ("order", "desc") => range.order = Some(Order::Descending),
                _ => return None,
            }
        }
        Some(range)
    }

    /// The range that continues after `value`, for `Next-Range`.
    pub(crate) fn behind(&self, field: &str, value: &str, max: usize) -> String {
        self.written(field, Some(&Bound { value: value.to_owned(), is_excluded: true }), max)
    }

    /// The header that names this range, with its defaults filled in.
    pub(crate) fn own(&self, field: &str, max: usize) -> String {
        self.written(field, self.first.as_ref(), max)
    }

    fn written(&self, field: &str, first: Option<&Bound>, max: usize) -> String {
        let mark = |bound: &Bound, mark| if bound.is_excluded { mark } else { "" };
        let first =
            first.map(|bound| format!("{}{}", mark(bound, "]"), bound.value)).unwrap_or_default();
        let last = self
            .last
            .as_ref()
            .map(|bound| format!("{}{}", bound.value, mark(bound, "[")))
            .unwrap_or_default();
        let order = match self.order {
            Some(Order::Ascending) => "order=asc,",
            Some(Order::Descending) => "order=desc,",
            None => "",
        };
        format!("{field} {first}..{last}; {order}max={max}")
    }
}

/// A bound in its excluded or its included form. `None` if it is empty.
fn bound(excluded: Option<&str>, included: &str) -> Option<Bound> {
    let (value, is_excluded) = excluded.map_or((included, false), |value| (value, true));
    (!value.is_empty()).then(|| Bound { value: value.to_owned(), is_excluded })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(field: &str, first: Option<&str>, max: Option<usize>, order: Option<Order>) -> Range {
        let first = first.map(|value| Bound { value: value.to_owned(), is_excluded: true });
        Range { field: Some(field.to_owned()), first, last: None, max, order }
    }

    #[test]
    fn a_range_is_read_as_each_client_writes_it() {
        let (up, down) = (Some(Order::Ascending), Some(Order::Descending));
        for (text, expected) in [
            ("id ..", range("id", None, None, None)),
            ("id ..; max=10;", range("id", None, Some(10), None)),
            ("name ..; order=desc,max=10;", range("name", None, Some(10), down)),
            ("id ..; max=5,order=asc", range("id", None, Some(5), up)),
            ("id ]a-1..; max=200", range("id", Some("a-1"), Some(200), None)),
            ("id ]a-1..;order=desc;max=7", range("id", Some("a-1"), Some(7), down)),
        ] {
            assert_eq!(Range::parse(text), Some(expected), "{text}");
        }
        let bound = |value: &str, is_excluded| Some(Bound { value: value.to_owned(), is_excluded });
        let open = Range { max: Some(3), ..Range::default() };
        assert_eq!(Range::parse("..; max=3"), Some(open.clone()));
        let closed = Range { first: bound("a", false), last: bound("b", false), ..open.clone() };
        assert_eq!(Range::parse("a..b; max=3"), Some(closed));
        let closed = Range {
            field: Some("id".into()),
            first: bound("a", true),
            last: bound("b", true),
            ..open
        };
        assert_eq!(Range::parse("id ]a..b[; max=3"), Some(closed));
    }

    #[test]
    fn a_garbled_range_is_none() {
        for text in [
            "",
            "id",
            "bytes=0-10",
            "id ].. ",
            "id ..; max=0",
            "id ..; max=many",
            "id a b..",
            "id ..; a=b",
            "id ..; max",
        ] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_written_range_reads_as_the_same() {
        for text in ["id ..; max=7", "name ]a..; order=desc,max=7", "id a..b[; order=asc,max=7"] {
            let range = Range::parse(text).expect("a range");
            assert_eq!(range.own(range.field.as_deref().expect("a field"), 7), text);
        }
    }
}
