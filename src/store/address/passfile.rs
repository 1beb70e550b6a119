//! libpq's password file (PostgreSQL's manual, "The Password File"): one password a line,
//! `host:port:database:user:password`, where `*` matches anything.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What a password is for: host, port, database and user.
pub(super) type Login<'a> = [&'a str; 4];

/// The password of the first line that matches. Like libpq, it ignores a file that does not exist
/// or that others may read; the latter with a warning.
pub(super) fn password(path: &Path, login: Login<'_>) -> Option<String> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!(
            "the password file {} is ignored, because others may read it. Run `chmod 0600` on it",
            path.display()
        );
        return None;
    }
    find(&std::fs::read_to_string(path).ok()?, login)
}

fn find(text: &str, login: Login<'_>) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in login {
            let (field, behind) = field(rest)?;
            if rest.starts_with("*:") || field == wanted {
                rest = behind;
            } else {
                return None;
            }
        }
        Some(field(&format!("{rest}:")).map_or_else(|| rest.to_owned(), |(password, _)| password))
    })
}

/// The text up to the next colon that no backslash escapes, and the text behind the colon.
fn field(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            ':' => return Some((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_line_gives_the_password() {
        let file =
            "# db:1:d:u:no\n\nother:*:*:*:x\ndb:5432:d\\:1:u:p\\:q\\\\r\n*:*:*:u:any:thing\n";
        assert_eq!(find(file, ["db", "5432", "d:1", "u"]).as_deref(), Some("p:q\\r"));
        assert_eq!(find(file, ["elsewhere", "1", "d", "u"]).as_deref(), Some("any"));
        assert_eq!(find(file, ["elsewhere", "1", "d", "v"]), None);
        assert_eq!(find("db:1:d", ["db", "1", "d", "u"]), None);
    }
}
