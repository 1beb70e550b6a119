//! Anchors that the chain contradicts, and what speaks for each explanation.

use chrono::{DateTime, SecondsFormat, Utc};

use super::super::head::Head;
use super::super::problem::{Problem, ProblemKind};
use super::signers::{Signers, Unvouched};

/// Where and when an anchor was recorded.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// What people call it, such as `line 7 of heads.log`.
    pub(super) place: String,
    /// Where it comes from, without the line.
    pub(super) from: String,
    /// When it was recorded, if that is known.
    pub(super) at: Option<DateTime<Utc>>,
}

impl Recorded {
    pub(super) fn new(place: String, from: &str, at: Option<DateTime<Utc>>) -> Self {
        Self { place, from: from.to_owned(), at }
    }

    /// Whether a person may have typed it.
    fn is_typed(&self) -> bool {
        self.from == "--anchor"
    }
}

/// The anchors that agree up to a seal, and those that do not.
#[derive(Debug, Default)]
pub(super) struct Mismatches {
    /// The two highest seals that an anchor from outside confirms, up to the first that differs.
    agreeing: [Option<i64>; 2],
    /// The anchor of the lowest seal that differs, and when that seal was made here.
    first: Option<(i64, Recorded, Option<DateTime<Utc>>)>,
    differing: u64,
    /// The anchor of the highest seal behind the end of the chain.
    last_beyond: Option<(i64, Recorded)>,
    beyond: u64,
}

impl Mismatches {
    /// Notes that an anchor from outside confirms the seal `seq`.
    pub(super) fn agrees(&mut self, seq: i64) {
        let [highest, _] = self.agreeing;
        if self.first.is_none() && highest.is_none_or(|highest| highest < seq) {
            self.agreeing = [Some(seq), highest];
        }
    }

    /// Notes that the seal `seq`, made here at `sealed_at`, is not the recorded one.
    pub(super) fn differs(
        &mut self,
        seq: i64,
        recorded: Recorded,
        sealed_at: Option<DateTime<Utc>>,
    ) {
        self.differing += 1;
        if self.first.as_ref().is_none_or(|(first, ..)| seq < *first) {
            self.first = Some((seq, recorded, sealed_at));
        }
    }

    /// Notes an anchor of a seal behind the end of the chain.
    pub(super) fn beyond(&mut self, seq: i64, recorded: Recorded) {
        self.beyond += 1;
        if self.last_beyond.as_ref().is_none_or(|(last, _)| seq > *last) {
            self.last_beyond = Some((seq, recorded));
        }
    }

    /// One problem for all anchors that differ, and one for all behind the end.
    pub(super) fn problems(self, head: Option<&Head>, signers: &Signers) -> Vec<Problem> {
        let differing = self.first.as_ref().map(|first| self.differing(first, signers));
        let truncated = self.last_beyond.as_ref().map(|last| self.truncated(last, head));
        differing.into_iter().chain(truncated).collect()
    }

    fn differing(
        &self,
        (seq, recorded, sealed_at): &(i64, Recorded, Option<DateTime<Utc>>),
        signers: &Signers,
    ) -> Problem {
        // Of two anchors of one seal, one may agree and one differ.
        let agreeing = self.agreeing.into_iter().flatten().find(|agrees| agrees < seq);
        let agrees = agreeing.map_or_else(
            || "no anchor from elsewhere agrees before it".to_owned(),
            |agrees| format!("anchors agree up to seal {agrees}"),
        );
        let more = match self.differing {
            1 => String::new(),
            2 => ", as does 1 more".to_owned(),
            count => format!(", as do {} more", count - 1),
        };
        let what = format!(
            "differs from seal {seq} on: restored, failed over or rewritten. {} contradicts the \
             chain{more}; {agrees}",
            capitalized(&recorded.place)
        );
        let copied = if recorded.is_typed() {
            ". First check that the anchor was copied without a mistake"
        } else {
            ""
        };
        if let Some(up_to) = signers.up_to(agreeing).filter(|up_to| up_to >= seq) {
            let speaks = speaks_for_two(up_to);
            return Problem::of_chain(ProblemKind::Fork, format!("{what}. {speaks}{copied}"));
        }
        let unvouched = signers.unvouched(agreeing).filter(|signed| signed.up_to >= *seq);
        let unvouched = unvouched.map(proves_nothing).unwrap_or_default();
        let speaks = speaks_for(*seq, recorded.at, *sealed_at);
        let detail = format!("{what}. {speaks}{unvouched}{copied}");
        Problem::of_chain(ProblemKind::Rewritten, detail)
    }

    fn truncated(&self, (seq, recorded): &(i64, Recorded), head: Option<&Head>) -> Problem {
        let end =
            head.map_or("has no seal".to_owned(), |head| format!("ends with seal {}", head.seq));
        let count = match self.beyond {
            1 => "an anchor names".to_owned(),
            count => format!("{count} anchors name seals up to"),
        };
        let detail = format!(
            "the chain {end}, and {count} seal {seq} ({}): restored from an older backup, failed \
             over to a server that lagged behind, or cut off. If a backup was restored, its time \
             lies between these two seals",
            recorded.place
        )
        .replace("seals up to seal", "seals up to");
        Problem::of_chain(ProblemKind::Truncated, detail)
    }
}

/// A text at the beginning of a sentence.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a trusted key's signature of the chain speaks for.
fn speaks_for_two(signed_up_to: i64) -> String {
    format!(
        "The signing key signed this chain, too, up to seal {signed_up_to}. So these are two \
         databases that were once one: a backup was restored, or a copy runs beside the original. \
         Only a holder of the key can have rewritten it"
    )
}

/// Why a signature of the chain speaks for nothing.
fn proves_nothing(Unvouched { up_to, named_by }: Unvouched) -> String {
    format!(
        ". Checkpoints up to seal {up_to} are signed, but the key that signed them is named only \
         by the part that differs (seal {named_by}), so they prove nothing. Compare with --key \
         and the verifier's key that you kept elsewhere"
    )
}

/// What speaks for which explanation.
fn speaks_for(
    seq: i64,
    recorded_at: Option<DateTime<Utc>>,
    sealed_at: Option<DateTime<Utc>>,
) -> String {
    let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    match (recorded_at, sealed_at) {
        (Some(at), Some(here)) if here > at => format!(
            "Seal {seq} was made here at {}, after the anchor was recorded ({}): this speaks for \
             a restored backup, or a failover, after which runs went on",
            text(here),
            text(at)
        ),
        (Some(at), Some(here)) => format!(
            "Seal {seq} claims to be made here at {}, before the anchor was recorded ({}): this \
             speaks for a rewritten chain, or for a copy of the database that ran beside it",
            text(here),
            text(at)
        ),
        _ => "The anchor has no time, so nothing here tells them apart: compare the times of your \
              backups and failovers"
            .to_owned(),
    }
}
