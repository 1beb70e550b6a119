//! The options of `init`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Use the token in this variable, and do not ask for the variable
    #[arg(long, value_name = "VAR")]
    pub(crate) token_env: Option<String>,
    /// Use the API at this address [default: Heroku's]
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Ask nothing: take every enterprise account whose audit trail the token may read
    #[arg(long)]
    pub(crate) yes: bool,
}
