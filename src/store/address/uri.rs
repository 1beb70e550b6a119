//! Parses `postgres://user:password@host:port/database?name=value` as libpq does.

use super::error::{AddressError, ENCODE};
use super::parameters::{Given, Origin, is_misspelt, parameter, unknown};

/// The parameters of a URI without its scheme, and whether its user or password holds a character
/// that should be percent-encoded.
pub(super) fn parse(rest: &str) -> Result<(Vec<Given>, bool), AddressError> {
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(AddressError::new("it holds a space or a control character", ENCODE));
    }
    let (user_info, rest) = user_info(rest);
    let unencoded = user_info.is_some_and(|text| text.contains(['#', '?']));
    let (place, query) =
        rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    // Text before a second `@` can only be part of a user or a password.
    if place.contains('@') {
        return Err(AddressError::new("it holds more than one `@` before its parameters", ENCODE));
    }
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let mut given = Vec::new();
    let (user, password) =
        user_info.map_or(("", ""), |text| text.split_once(':').unwrap_or((text, "")));
    let (host, port) = host_and_port(authority)?;
    for (name, text) in [
        ("user", user),
        ("password", password),
        ("host", host),
        ("port", port),
        ("dbname", database),
    ] {
        given.push(Given::of(name, decoded(text)?));
    }
    // Text behind a secret may be the rest of it, and so may text before a further `@`. Without
    // `@`, what looks like a host and its port may be a user and a password.
    let follows_password = user_info.unwrap_or(authority).contains(':');
    let mut naming = match follows_password {
        _ if rest.contains('@') => Naming::Never,
        true => Naming::Misspelt,
        false => Naming::Unknown,
    };
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let pair = pair_of(pair, naming)?;
        if pair.parameter.is_secret() {
            naming = Naming::Never;
        }
        given.push(pair);
    }
    Ok((given, unencoded))
}

/// Splits off the text before the first `@`, unless a `/` precedes it. Like libpq, it takes `?` and
/// `#` as part of that text, except where they can only begin the parameters.
fn user_info(rest: &str) -> (Option<&str>, &str) {
    let Some(at) = rest.find(['@', '/']).filter(|at| rest[*at..].starts_with('@')) else {
        return (None, rest);
    };
    let (before, after) = (&rest[..at], &rest[at + 1..]);
    if let Some((place, query)) = before.split_once('?') {
        let port = place.rsplit_once(':').map_or("", |(_, port)| port);
        let begins_parameters =
            query.split_once('=').is_some_and(|(name, _)| parameter(name).is_some());
        if begins_parameters && port.bytes().all(|byte| byte.is_ascii_digit()) {
            return (None, rest);
        }
    }
    (Some(before), after)
}

fn host_and_port(authority: &str) -> Result<(&str, &str), AddressError> {
    // `resolve` rejects several hosts.
    if authority.contains(',') {
        return Ok((authority, ""));
    }
    if let Some(bracketed) = authority.strip_prefix('[') {
        let Some((host, rest)) = bracketed.split_once(']') else {
            return Err(AddressError::new("a `[` before its host has no `]`", ENCODE));
        };
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if rest.is_empty() => Ok((host, "")),
            None => Err(AddressError::new("text follows the `]` of its host", ENCODE)),
        };
    }
    Ok(authority.split_once(':').unwrap_or((authority, "")))
}

/// Whether an error may name an unknown parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Unknown,
    /// Only one that resembles a known parameter.
    Misspelt,
    Never,
}

fn pair_of(pair: &str, naming: Naming) -> Result<Given, AddressError> {
    let Some((name, value)) = pair.split_once('=') else {
        return Err(AddressError::new("a parameter after its `?` has no `=`", ENCODE));
    };
    let (name, value) = (decoded(name)?, decoded(value)?);
    if name == "ssl" {
        // libpq accepts this for compatibility with JDBC.
        return if value == "true" {
            Ok(Given::of("sslmode", "require".to_owned()))
        } else {
            Err(AddressError::new("its parameter `ssl` is not `true`", "Write `sslmode` instead"))
        };
    }
    match parameter(&name) {
        Some(parameter) => Ok(Given { parameter, value, origin: Origin::Address }),
        None if naming == Naming::Unknown => Err(unknown(&name)),
        None if naming == Naming::Misspelt && is_misspelt(&name) => Err(unknown(&name)),
        None => {
            Err(AddressError::new("it holds an unknown parameter, or a stray `?` or `&`", ENCODE))
        }
    }
}

fn decoded(text: &str) -> Result<String, AddressError> {
    let bytes = text.as_bytes();
    let is_code = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    if text.match_indices('%').any(|(at, _)| !is_code(at)) {
        return Err(AddressError::new(
            "a `%` in it is not followed by two hexadecimal digits",
            ENCODE,
        ));
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    let decoded =
        decoded.map_err(|_| AddressError::new("a decoded part of it is not UTF-8", ENCODE))?;
    if decoded.contains('\0') {
        return Err(AddressError::new("it holds %00", ENCODE));
    }
    Ok(decoded.into_owned())
}
