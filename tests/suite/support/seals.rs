//! What must hold of the chain of seals at any moment.

use super::World;

impl World {
    /// Checks that no complete day is without its seal, no seal without its day, and that the chain
    /// has no gap.
    #[track_caller]
    pub(crate) fn assert_sealed(&self, case: &str) {
        match self.database.psql(include_str!("sealed.sql")) {
            Ok(problems) => assert_eq!(problems.trim_end(), "", "{case}"),
            // There is no schema, so there is nothing to seal.
            Err(error) => {
                let says = error.to_string();
                assert!(says.contains("\"audit_events_log\" does not exist"), "{case}: {says}");
            }
        }
    }

    /// The seals without their hashes: number, kind, date and attempt.
    pub(crate) fn seals(&self) -> String {
        self.sql(
            "SELECT string_agg(concat_ws(' ', seq, kind, process_date, attempt), ', ' ORDER BY seq)
             FROM audit_seals",
        )
    }

    /// The head of the chain in the three forms in which it leaves the database: of the log, of a
    /// result's text, and as JSON.
    pub(crate) fn head(&self) -> [String; 3] {
        let head = self.sql(
            "SELECT substr(sealed, 25, 32), seq, encode(seal, 'hex')
             FROM audit_seals ORDER BY seq DESC LIMIT 1",
        );
        let [log, seq, seal] = head.split('|').collect::<Vec<_>>()[..] else {
            panic!("three columns in {head}")
        };
        [
            format!("head_log={log} head_seq={seq} head_seal={seal}"),
            format!("Head: {seq}:{seal} of log {log}"),
            format!(r#"{{"log":"{log}","seal":"{seal}","seq":{seq}}}"#),
        ]
    }
}
