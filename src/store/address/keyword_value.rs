//! Parses `host=localhost dbname=audit password='it is'` as libpq does.

use super::error::AddressError;
use super::parameters::{Given, Origin, PARAMETERS, is_name, parameter, unknown};

const QUOTE: &str = "\
     Write each parameter as name=value. Put a value that is empty or holds a space into single \
     quotes, and write a backslash before each `'` and `\\` in it";

/// Whether a text that is not a URI may consist of keywords and values.
pub(super) fn may_be(text: &str) -> bool {
    // A secret alone may hold a `=`, too, so one name must be a parameter of libpq.
    let begins = |at: usize| text[..at].chars().next_back().is_none_or(char::is_whitespace);
    PARAMETERS.iter().any(|known| {
        let mut found = text.match_indices(known.name);
        found.any(|(at, name)| begins(at) && text[at + name.len()..].trim_start().starts_with('='))
    })
}

/// The parameters that the text gives, in its order.
pub(super) fn parse(text: &str) -> Result<Vec<Given>, AddressError> {
    let mut given = Vec::new();
    let mut rest = text.trim_start();
    // Text after an unquoted secret may be the rest of a secret that holds a space.
    let mut may_be_a_secret = false;
    while !rest.is_empty() {
        let Some((name, behind)) = rest.split_once('=') else {
            return Err(AddressError::new("a part of it has no `=`", QUOTE));
        };
        let name = name.trim_end();
        let Some(parameter) = parameter(name) else {
            return Err(if is_name(name) && !may_be_a_secret {
                unknown(name)
            } else {
                AddressError::new("it holds an unknown parameter after another's value", QUOTE)
            });
        };
        let behind = behind.trim_start();
        let is_quoted = behind.starts_with('\'');
        let (value, behind) = if is_quoted { quoted(&behind[1..])? } else { bare(behind) };
        may_be_a_secret |= !is_quoted && parameter.is_secret();
        given.push(Given { parameter, value, origin: Origin::Address });
        if !behind.is_empty() && !behind.starts_with(char::is_whitespace) {
            return Err(AddressError::new("text follows a closing quote in it", QUOTE));
        }
        rest = behind.trim_start();
    }
    Ok(given)
}

/// A value up to the next space, and the text from there.
fn bare(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c if c.is_whitespace() => return (value, &text[at..]),
            c => value.push(c),
        }
    }
    (value, "")
}

/// A value up to its closing quote, and the text behind the quote.
fn quoted(text: &str) -> Result<(String, &str), AddressError> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            '\'' => return Ok((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    Err(AddressError::new("a quote in it is not closed", QUOTE))
}
