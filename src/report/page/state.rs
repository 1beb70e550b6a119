//! The states of days, as the page names and draws them.

use crate::coverage::DayState;

/// The states that a page shows, in the order of the legend.
pub(super) const STATES: [DayState; 7] = [
    DayState::Settled,
    DayState::Complete,
    DayState::Syncing,
    DayState::Due,
    DayState::Failed,
    DayState::Missing,
    DayState::Adopted,
];

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
        DayState::Pruned => "its events were removed after it was complete",
    }
}

/// The place of a state in [`STATES`].
pub(super) fn place(state: DayState) -> usize {
    STATES.iter().position(|other| *other == state).unwrap_or_default()
}
