//! The options of `events`.

use std::net::IpAddr;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use ipnet::IpNet;

use super::limits;
use crate::moment::NamedTime;

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Print only events of this source, even if it is no longer in the file (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Print only events about this app: its name or id. In this option and the next four, case
    /// does not matter and `*` stands for any text (all are repeatable)
    #[arg(long = "app", value_name = "APP", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) apps: Vec<String>,
    /// Print only what this actor did: an email address or an id
    #[arg(long = "actor", value_name = "ACTOR", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) actors: Vec<String>,
    /// Print only events of this type, such as `app`
    #[arg(long = "type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) types: Vec<String>,
    /// Print only events with this action, such as `destroy`
    #[arg(long = "action", value_name = "ACTION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) actions: Vec<String>,
    /// Print only events of this team: its name or id
    #[arg(long = "team", value_name = "TEAM", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) teams: Vec<String>,
    /// Print only events from this address, or from this network, such as 10.0.0.0/8 (repeatable)
    #[arg(long = "ip", value_name = "ADDRESS", value_parser = network)]
    pub(crate) networks: Vec<IpNet>,
    /// Begin with this UTC day or time: YYYY-MM-DD, yesterday, today, -7d (7 days ago), -36h, or
    /// 2024-09-28T12:30:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<NamedTime>,
    /// End with this day or time; it is included
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<NamedTime>,
    /// Print at most N events [default: 50 in a table, otherwise no limit]
    #[arg(long, value_name = "N", value_parser = limits::within("--limit", 1..=1_000_000_000))]
    pub(crate) limit: Option<u32>,
}

/// The text is neither an address nor a network.
#[derive(Debug, thiserror::Error)]
#[error("write an address such as 203.0.113.7, or a network such as 10.0.0.0/8")]
struct NotANetwork;

fn network(text: &str) -> Result<IpNet, NotANetwork> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network: IpNet| network.trunc()).map_err(|_| NotANetwork)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_network_of_one_and_bits_of_the_host_are_ignored() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(
                network(text).map(|network| network.to_string()).ok(),
                Some(expected.into())
            );
        }
        for odd in ["", "10", "10.0.0.0/33", "localhost", "10.0.0.0/", " 10.0.0.1"] {
            assert!(network(odd).is_err(), "{odd}");
        }
    }
}
