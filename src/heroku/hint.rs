//! What a person can do about a failure.

use super::{ArchiveError, Error, Fault, HostFault};
use crate::config::Source;
use crate::day::Month;

impl Error {
    /// What the person who looks after `source` can do.
    pub fn hint(&self, source: &Source) -> String {
        hint(&self.fault, source)
    }
}

fn hint(fault: &Fault, source: &Source) -> String {
    let (name, account) = (&source.name, &source.scope.account);
    match fault.status().map(|status| status.as_u16()) {
        Some(401) => format!(
            "The token in ${} is not valid, or no longer: make a new one with `heroku authorizations:create` and set it",
            source.token_env
        ),
        Some(403) => format!(
            "The user of the token in ${} needs the permission `manage` in the enterprise account {account}",
            source.token_env
        ),
        Some(404) => format!(
            "Check `account` of the source {name}: it is {account}; and that the user of the token in ${} is a member",
            source.token_env
        ),
        Some(429) => "Lower [rate_limit] or raise its reserve if this comes often".to_owned(),
        Some(300..=399) => "Check [api] base_url: Heroku's API does not redirect".to_owned(),
        Some(400..=499) => format!("Check account, team and filter of the source {name}"),
        _ => "If this lasts, see https://status.heroku.com".to_owned(),
    }
}

impl ArchiveError {
    /// What the person who looks after `source` can do.
    pub fn hint(&self, source: &Source, month: Month) -> String {
        match self {
            Self::Heroku(error) if error.fault.status().is_some_and(|status| status == 404) => {
                format!(
                    "Heroku has no archive of {month} for {}, or the token's user may not see it",
                    source.scope.account
                )
            }
            Self::Heroku(error) => error.hint(source),
            Self::File(error) => host_hint(&error.fault, source),
            Self::Disk(_) => "Make room, or set TMPDIR to a folder that has it".to_owned(),
        }
    }
}

/// Heroku signed the address, so no permission is missing, and the host knows nothing of the API's limits.
fn host_hint(fault: &HostFault, source: &Source) -> String {
    let text = match fault {
        HostFault::Passing(fault)
            if fault.status().is_none_or(|status| status.is_server_error()) =>
        {
            return hint(fault, source);
        }
        HostFault::Passing(_) => "Run the command again later",
        HostFault::Refused { code: Some(code), .. } if code == "RequestTimeTooSkewed" => {
            "The token's permissions are not the reason: Heroku signed the address. See that this machine's clock is right, \
             and run the command again"
        }
        HostFault::Refused { .. } => {
            "The token's permissions are not the reason: Heroku signed the address. Run the command again later; if this goes \
             on, see that no proxy answers for the host, and show these words to Heroku's support"
        }
        HostFault::Astray { .. } => {
            "Nothing was downloaded from there. See that no proxy answers for the host, and show these words to Heroku's support"
        }
    };
    text.to_owned()
}
