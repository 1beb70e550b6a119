//! What tests do to a cluster from outside: SQL through `psql`, databases, dumps.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::{Cluster, Error, conninfo, server};

impl Cluster {
    /// Run a script through `psql`, and return its rows: one per line, columns separated by `|`.
    /// Stop at the first error.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, Error> {
        run_psql(self.client("psql")?, &self.url(database), sql)
    }

    /// Create an empty database.
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        self.psql("postgres", &create(name, None)).map(drop)
    }

    /// Create a database as a copy of another. Nobody may be connected to that one.
    pub fn create_database_from(&self, name: &str, template: &str) -> Result<(), Error> {
        self.psql("postgres", &create(name, Some(template))).map(drop)
    }

    /// Dump the database as SQL, without the random tokens of newer `pg_dump`s. Equal databases
    /// give equal texts if their rows are stored in the same order.
    pub fn dump(&self, database: &str) -> Result<String, Error> {
        let mut command = self.client("pg_dump")?;
        command.arg("--dbname").arg(self.url(database));
        let dump = output_of(command, "")?;
        Ok(dump.lines().filter(|line| !is_token(line)).flat_map(|line| [line, "\n"]).collect())
    }

    /// Cut every connection to a database, and return their number.
    pub fn terminate_backends(&self, database: &str) -> Result<usize, Error> {
        // FILTER runs after WHERE. As another condition, PostgreSQL might evaluate it for our own
        // connection.
        let sql = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE datname = {} AND pid <> pg_backend_pid()",
            conninfo::literal(database)
        );
        Ok(self.psql("postgres", &sql)?.parse().unwrap_or_default())
    }

    /// A client program. It runs as the current user, because the URL names the superuser.
    pub(crate) fn client(&self, program: &str) -> Result<Command, Error> {
        let path = self.bin(program);
        if !path.is_file() {
            return Err(Error::NoProgram {
                program: program.into(),
                folder: Some(self.binaries.folder().into()),
            });
        }
        let mut command = Command::new(path);
        server::without_pg_variables(&mut command);
        Ok(command)
    }
}

pub(crate) fn create(name: &str, template: Option<&str>) -> String {
    let template = template.map(|template| format!(" TEMPLATE {}", conninfo::identifier(template)));
    format!("CREATE DATABASE {}{}", conninfo::identifier(name), template.unwrap_or_default())
}

/// Send a script to `psql` on its stdin: the statements of one `-c` would share a transaction.
pub(crate) fn run_psql(mut psql: Command, url: &str, sql: &str) -> Result<String, Error> {
    ask_for_rows(&mut psql, url);
    Ok(output_of(psql, sql)?.trim_end_matches('\n').to_owned())
}

/// Make `psql` read a script from its stdin, print bare rows, and stop at the first error.
pub(crate) fn ask_for_rows(psql: &mut Command, url: &str) {
    psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d"]).arg(url);
}

fn output_of(mut command: Command, input: &str) -> Result<String, Error> {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let failed = || Error::io(format!("run {program}"));
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed())?;
    let pipe = process.stdin.take();
    let output = thread::scope(|scope| {
        // A program that fails early closes its stdin. Its own message is the better error.
        scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
        process.wait_with_output()
    });
    let output = output.map_err(failed())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Program { program, status: output.status, stderr })
}

fn is_token(line: &str) -> bool {
    line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(create("a\"b", Some("T")), "CREATE DATABASE \"a\"\"b\" TEMPLATE \"T\"");
    }
}
