//! `keygen`: makes a key that signs checkpoints.

use ring::rand::SystemRandom;
use serde::Serialize;

use super::failure::{DONE, ExitStatus, Failure};
use crate::cli::KeygenArgs;
use crate::evidence::key::SigningKey;
use crate::report::Output;
use crate::report::streams::print;
use crate::text::secrets::redact;

pub(super) fn run(args: &KeygenArgs, output: Output) -> Result<ExitStatus, Failure> {
    // What follows is printed unredacted, and the name is a part of it.
    if redact(args.name.as_ref()) != args.name.as_ref() {
        return Err(Failure::usage("--name contains a secret, and everyone sees a key's name"));
    }
    let key = SigningKey::generate(args.name.clone(), &SystemRandom::new())?;
    print(described(&key, output)?.as_bytes())?;
    Ok(DONE)
}

#[derive(Serialize)]
struct GeneratedKey<'k> {
    private_key: &'k str,
    verifier_key: String,
    public_key_pem: String,
}

/// The key in both forms. A report would redact it if this process knew it, and wrap its lines.
fn described(key: &SigningKey, output: Output) -> std::io::Result<String> {
    let (private_key, verifier) = (key.expose(), key.verifier());
    let (verifier_key, public_key_pem) = (verifier.to_string(), verifier.to_pem());
    Ok(match output {
        Output::Json | Output::Ndjson => {
            let key = GeneratedKey { private_key, verifier_key, public_key_pem };
            serde_json::to_string(&key)? + "\n"
        }
        Output::Text => format!(
            "Private key (keep it secret):\n{private_key}\n\n\
             Verifier's key (give it to everyone who checks signatures):\n{verifier_key}\n\n\
             Verifier's key as PEM, for openssl:\n{public_key_pem}"
        ),
    })
}
