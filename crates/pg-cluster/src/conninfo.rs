//! Connection URLs and SQL names, in the form that both libpq and sqlx accept.

use std::{fmt::Write, path::Path};

pub(crate) fn over_socket(socket_dir: &Path, port: u16, database: &str) -> String {
    let port = if port == 5432 { String::new() } else { format!(":{port}") };
    let (database, host) =
        (encoded(database.as_bytes()), encoded(socket_dir.as_os_str().as_encoded_bytes()));
    format!("postgresql://postgres@localhost{port}/{database}?host={host}")
}

pub(crate) fn over_tcp(port: u16, database: &str) -> String {
    format!("postgresql://postgres@127.0.0.1:{port}/{}", encoded(database.as_bytes()))
}

/// The URL of another database of the same server. `None` if it is not a PostgreSQL URL.
pub(crate) fn with_database(url: &str, database: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "postgresql" | "postgres") {
        return None;
    }
    let (address, query) =
        rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    let authority = address.split('/').next()?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{scheme}://{authority}/{}{query}", encoded(database.as_bytes())))
}

/// Quote a name as an SQL identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quote a text as an SQL literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_url_names_the_folder_as_host() {
        let url = over_socket(Path::new("/tmp/pg 1"), 5432, "audit");
        assert_eq!(url, "postgresql://postgres@localhost/audit?host=/tmp/pg%201");
        let url = over_socket(Path::new("/tmp/pg"), 40000, "audit");
        assert_eq!(url, "postgresql://postgres@localhost:40000/audit?host=/tmp/pg");
    }

    #[test]
    fn another_database_keeps_user_port_and_options() {
        let other = |url| with_database(url, "new");
        assert_eq!(
            other("postgres://u:p@h:1/old?a=b").as_deref(),
            Some("postgres://u:p@h:1/new?a=b")
        );
        assert_eq!(other("postgresql://h").as_deref(), Some("postgresql://h/new"));
        assert_eq!(
            other("postgresql://h?host=/tmp").as_deref(),
            Some("postgresql://h/new?host=/tmp")
        );
        assert_eq!(other("host=localhost dbname=old"), None);
        assert_eq!(other("mysql://h/old"), None);
    }
}
