//! What each failure of an API request means: its class, which decides about a retry, and the hint
//! for people.
//!
//! | response | class | what follows |
//! |---|---|---|
//! | 200, 206 with a JSON list | good | the next page, if there is one |
//! | 429 | limited | wait as requested, or as the policy says; slow the token down |
//! | 408, 5xx, other 1xx and 2xx, 304 | passing | retry by the policy, from the page that failed |
//! | no response, a timeout, a body or page that is not as it should be | passing | the same |
//! | other 4xx, a redirect | lasting | no retry |

use reqwest::StatusCode;

use crate::config::Source;

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The token's quota is used up.
    Limited,
    /// A retry may succeed.
    Passing,
    /// A retry fails in the same way until a person changes something.
    Lasting,
}

/// A hint with placeholders: `{variable}`, `{source}` and `{account}` mean those of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hint(&'static str);

impl Hint {
    /// The hint to the operator of `source`.
    pub(super) fn of(self, source: &Source) -> String {
        // The account comes last: its name could look like a placeholder.
        self.0
            .replace("{variable}", &source.token_env)
            .replace("{source}", source.name.as_ref())
            .replace("{account}", &source.scope.account)
    }
}

/// For everything that a retry may cure.
const IF_IT_LASTS: Hint = Hint("If this lasts, see https://status.heroku.com");

/// The meaning of a failure that may come from the network or a proxy.
pub(super) const UNREACHED: (Class, Hint) = (
    Class::Passing,
    Hint("Check the address and the network. If this lasts, see https://status.heroku.com"),
);

/// The meaning of another failure without a status: no response, or a broken one.
pub(super) const BROKEN: (Class, Hint) = (Class::Passing, IF_IT_LASTS);

/// The meaning of a status. `None` means that the body decides.
#[rustfmt::skip]
pub(super) fn meaning(status: StatusCode) -> Option<(Class, Hint)> {
    let (class, hint) = match status.as_u16() {
        200 | 206 => return None,
        401 => (Class::Lasting,
            "Make a new one: `heroku authorizations:create`, and set {variable} to it"),
        403 => (Class::Lasting,
            "The user of the token in {variable} needs the permission `manage` in the enterprise \
             account {account}"),
        404 => (Class::Lasting,
            "Check `account` of the source {source}: it is {account}. Check also that the user of \
             the token in {variable} is a member"),
        429 => (Class::Limited, "If this happens often, lower [rate_limit] or raise its reserve"),
        304 => (Class::Passing, "Check [api] base_url: Heroku's API does not redirect"),
        300..=399 => (Class::Lasting, "Check [api] base_url: Heroku's API does not redirect"),
        408 | 100..=299 | 500..=599 => return Some(BROKEN),
        400..=499 => (Class::Lasting, "Check account, team and filter of the source {source}"),
        _ => return Some((Class::Lasting, IF_IT_LASTS)),
    };
    Some((class, Hint(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(code: u16) -> Option<Class> {
        meaning(StatusCode::from_u16(code).expect("a status")).map(|(class, _)| class)
    }

    #[test]
    fn every_status_has_the_class_of_the_contract() {
        for code in [200, 206] {
            assert_eq!(class(code), None);
        }
        assert_eq!(class(429), Some(Class::Limited));
        for code in [204, 304, 408, 500, 502, 503, 504, 599] {
            assert_eq!(class(code), Some(Class::Passing), "{code}");
        }
        for code in [301, 302, 307, 308, 400, 401, 402, 403, 404, 406, 409, 410, 416, 422, 451] {
            assert_eq!(class(code), Some(Class::Lasting), "{code}");
        }
    }
}
