//! Many accounts, distinguished by a number, for similar cases.

use super::source;

/// Sources of one account each, named `a000` and so on, because an id is one event within a source.
pub(crate) fn accounts(count: usize) -> String {
    (0..count).map(|n| format!("a{n:03}")).map(|name| source(&name, &name)).collect()
}

/// The number of the account that a request is for.
pub(crate) fn account_number(head: &str) -> usize {
    let (_, rest) = head.split_once("/enterprise-accounts/a").expect("an account");
    rest[..3].parse().expect("a number")
}
