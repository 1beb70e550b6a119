//! Which program printed a result: its version, commit and release.

use std::fmt;

use super::width::shortened;

/// The digits of a commit that people read.
const COMMIT_DIGITS: usize = 12;

/// The longest name of a commit or release that people read.
const LONGEST_NAME: usize = 40;

/// The version, the commit and the release of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) version: &'static str,
    /// The commit that it was built from, if that is known.
    pub(crate) commit: Option<String>,
    /// The release of the app that runs it, if the platform names one.
    pub(crate) release: Option<String>,
}

impl Default for Program {
    /// What the build knows.
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("AUDITSYNC_COMMIT").map(str::to_owned),
            release: None,
        }
    }
}

/// `0.1.0 (commit 0123456789ab, release v7)`.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version)?;
        let commit = self.commit.as_deref().map(|commit| {
            let is_hash = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            let short = commit.get(..COMMIT_DIGITS).filter(|_| is_hash);
            format!("commit {}", shortened(short.unwrap_or(commit), LONGEST_NAME))
        });
        let release = self.release.as_deref();
        let release = release.map(|name| format!("release {}", shortened(name, LONGEST_NAME)));
        let known: Vec<String> = [commit, release].into_iter().flatten().collect();
        if known.is_empty() { Ok(()) } else { write!(f, " ({})", known.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_commit_and_release_where_they_are_known() {
        let program = |commit: Option<&str>, release: Option<&str>| {
            let [commit, release] = [commit, release].map(|text| text.map(str::to_owned));
            Program { version: "1.2.3", commit, release }.to_string()
        };
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(program(None, None), "1.2.3");
        assert_eq!(program(Some(hash), None), "1.2.3 (commit 0123456789ab)");
        assert_eq!(program(Some("0123456"), Some("v7")), "1.2.3 (commit 0123456, release v7)");
        assert_eq!(program(None, Some("v7")), "1.2.3 (release v7)");
        let long = program(Some(&"main/".repeat(99)), Some(&"é".repeat(99)));
        assert!(long.starts_with("1.2.3 (commit main/main/") && long.len() < 160, "{long}");
    }
}
