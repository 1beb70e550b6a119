//! The states of days, as the page names and draws them.

use crate::coverage::DayState;

/// All states, in the order of the legend.
pub(super) const STATES: [DayState; 7] = [
    DayState::Settled,
    DayState::Complete,
    DayState::Syncing,
    DayState::Due,
    DayState::Failed,
    DayState::Missing,
    DayState::Adopted,
];

/// The word for a state, which also names its mark.
pub(super) fn word(state: DayState) -> &'static str {
    match state {
        DayState::Settled => "settled",
        DayState::Complete => "complete",
        DayState::Syncing => "syncing",
        DayState::Due => "due",
        DayState::Failed => "failed",
        DayState::Missing => "missing",
        DayState::Adopted => "adopted",
    }
}

/// What a state means.
pub(super) fn meaning(state: DayState) -> &'static str {
    match state {
        DayState::Settled => "read to its end; its last recheck brought nothing new",
        DayState::Complete => "read to its end; a recheck follows",
        DayState::Syncing => "a process is reading it",
        DayState::Due => "reset or interrupted; the next run reads it",
        DayState::Failed => "its last attempt failed",
        DayState::Missing => "must be covered, and was never read",
        DayState::Adopted => "another program called it complete; no event of it is stored",
    }
}

/// The place of a state in [`STATES`].
pub(super) fn place(state: DayState) -> usize {
    STATES.iter().position(|other| *other == state).unwrap_or_default()
}
