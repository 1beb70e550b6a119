//! Certificates and keys in the folder of a PostgreSQL server.

use std::io::Write as _;
use std::process::Stdio;

use pg_cluster::Cluster;

/// Writes a file as the server's user, because the server reads a key only if its own user owns it.
pub(crate) fn place(cluster: &Cluster, name: &str, text: &str) {
    let mut shell = cluster.command("/bin/sh");
    shell.args(["-c", "umask 077; cat > \"$0\"", name]).stdin(Stdio::piped());
    let mut shell = shell.spawn().expect("a shell");
    shell.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the file");
    assert!(shell.wait().expect("the end").success());
}
