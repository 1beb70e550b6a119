//! What sees everything that a verification reads.

use super::super::failure::Failure;
use crate::evidence::{DayFacts, EventRow, SealRow};
use crate::store::{AnchorRow, DayName, StoredConflict};

/// Sees everything that a verification reads. A failure ends the verification.
pub(crate) trait Visitor: Send + 'static {
    /// The next seal of the chain.
    fn seal(&mut self, _: &SealRow) -> Result<(), Failure> {
        Ok(())
    }

    /// The next anchor that the database keeps.
    fn anchor(&mut self, _: &AnchorRow) -> Result<(), Failure> {
        Ok(())
    }

    /// A day, with its conflicts. Its events follow. Days without events come after the others of
    /// their page.
    fn begin_day(
        &mut self,
        _: &DayName,
        _: &DayFacts,
        _: &[StoredConflict],
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// The next event of the day, in the order of the ids.
    fn event(&mut self, _: &EventRow<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// The end of the day.
    fn end_day(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Sees nothing.
impl Visitor for () {}
