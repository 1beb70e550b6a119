//! Many accounts, distinguished by a number, for similar cases.

/// Sources of one account each, named `a000` and so on, because an id is one event within a source.
pub(crate) fn accounts(count: usize) -> String {
    let source = |n| {
        format!(
            "[[source]]\nname = \"a{n:03}\"\naccount = \"a{n:03}\"\n\
             token_env = \"HEROKU_API_TOKEN\"\n"
        )
    };
    (0..count).map(source).collect()
}

/// The number of the account that a request is for.
pub(crate) fn account_number(head: &str) -> usize {
    let (_, rest) = head.split_once("/enterprise-accounts/a").expect("an account");
    rest[..3].parse().expect("a number")
}
