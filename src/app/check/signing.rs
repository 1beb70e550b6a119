//! The keys that sign checkpoints.

use crate::app::context::App;
use crate::app::environment::env;
use crate::config::Evidence;
use crate::evidence::key::SigningKey;
use crate::report::check::Check;

/// Checks the variable of each key that the file names.
pub(super) fn keys(app: &App<'_>) -> Vec<Check> {
    let evidence = &app.config.evidence;
    let named = [
        (&evidence.signing_key_env, "the key that signs checkpoints"),
        (&evidence.previous_signing_key_env, "the key that is replaced"),
    ];
    let named = named.into_iter().filter_map(|(variable, what)| Some((variable.as_ref()?, what)));
    named.map(|(variable, what)| key(variable, what, evidence)).collect()
}

fn key(variable: &str, what: &str, evidence: &Evidence) -> Check {
    let bad = |why: String, advice: String| {
        Check::bad("signing_key", variable, format!("{why}; {what}"), advice)
    };
    let origin = evidence.origin.as_ref();
    let generate = format!("`auditsync keygen --name {}`", origin.map_or("ORIGIN", AsRef::as_ref));
    let Some(text) = env(variable) else {
        let advice = format!(
            "Generate a key with {generate}, and set it: `heroku config:set {variable}=KEY`, or \
             in the environment"
        );
        return bad("not set".to_owned(), advice);
    };
    match SigningKey::parse(&text) {
        Err(error) => bad(
            format!("{error} (its value is not shown)"),
            format!("Set it to a key from {generate}"),
        ),
        Ok(key) => match origin {
            Some(origin) if origin != key.verifier().name() => bad(
                format!("a key of `{}`, and [evidence] `origin` is another", key.verifier().name()),
                format!("Set `origin` to that name, or set the variable to a key from {generate}"),
            ),
            _ => {
                let found = format!("set; {what}; its verifier's key is {}", key.verifier());
                Check::good("signing_key", variable, found)
            }
        },
    }
}
