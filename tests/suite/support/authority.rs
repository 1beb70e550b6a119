//! A timestamp authority (RFC 3161), made of `openssl` and a server on loopback.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, mpsc};

use tempfile::TempDir;

use super::raw;

/// An authority that accepts SHA-256, and one that does not.
const AUTHORITY: &str = "\
[sha256]
digests = sha256
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
[sha512]
digests = sha512
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
[extensions]
extendedKeyUsage = critical,timeStamping
";

/// Runs `openssl` with these words in `folder`.
pub(crate) fn openssl(folder: &Path, words: &str) -> Output {
    let mut command = Command::new("openssl");
    command.args(words.split_whitespace()).current_dir(folder);
    command.output().expect("openssl starts")
}

pub(crate) fn assert_accepts(folder: &Path, words: &str) {
    let output = openssl(folder, words);
    assert!(output.status.success(), "openssl {words}: {output:#?}");
}

pub(crate) fn assert_rejects(folder: &Path, words: &str) {
    let output = openssl(folder, words);
    assert!(!output.status.success(), "openssl {words}: {output:#?}");
}

/// A folder to work in, where OpenSSL 3 or newer is installed.
pub(crate) fn folder() -> Option<TempDir> {
    let output = Command::new("openssl").arg("version").output().ok()?;
    let is = |words: &[u8]| output.stdout.starts_with(words);
    (is(b"OpenSSL") && !is(b"OpenSSL 1")).then(|| TempDir::new().expect("a folder"))
}

/// A server that answers what `openssl` answers.
pub(crate) struct Authority {
    /// Its files, with the certificate `ca.pem`.
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    /// The head and the body of each request.
    pub(crate) requests: mpsc::Receiver<(String, Vec<u8>)>,
}

impl Authority {
    /// Starts one, where OpenSSL 3 or newer is installed.
    pub(crate) fn start() -> Option<Self> {
        let folder = folder()?;
        make_authority(folder.path());
        let (heard, requests) = mpsc::channel();
        // The serial numbers are in a file.
        let path = Mutex::new(folder.path().to_owned());
        let url = raw::serve_bodies(move |head, body| {
            let path = path.lock().expect("one at a time");
            let _ = heard.send((head.to_owned(), body.to_vec()));
            raw::http_bytes("200 OK", "", &reply(&path, "sha256", body))
        });
        Some(Self { folder, url, requests })
    }
}

/// The answer of the authority in `folder` to a request, by this section of its configuration.
pub(crate) fn reply(folder: &Path, section: &str, request: &[u8]) -> Vec<u8> {
    fs::write(folder.join("request"), request).expect("a file");
    let words = format!("ts -reply -config config -section {section} -queryfile request");
    openssl(folder, &format!("{words} -out answer"));
    fs::read(folder.join("answer")).expect("an answer")
}

/// Makes the files of an authority, and the certificate that vouches for it.
pub(crate) fn make_authority(folder: &Path) {
    fs::write(folder.join("config"), AUTHORITY).expect("a file");
    fs::write(folder.join("serial"), "01\n").expect("a file");
    for words in [
        "req -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.pem -subj /CN=CA",
        "req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=TSA",
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem \
         -extfile config -extensions extensions",
    ] {
        assert_accepts(folder, words);
    }
}
