//! Counts and digests of what each of a day's seals covers, in one pass.
//!
//! A seal covers every row whose attempt is not later than its own, so a later seal covers at least
//! what an earlier one covers. Seals are counted together until a row tells them apart.

use sha2::{Digest as _, Sha256};

use crate::event::Hash;

/// The running counts and digests of a day's seals.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Ordered by `first`. Each group counts for its seals up to the next group's first.
    groups: Vec<SealGroup>,
}

#[derive(Debug, Clone, Default)]
struct SealGroup {
    /// The index of the first seal that it counts for.
    first: usize,
    count: i64,
    digest: Sha256,
}

impl Tally {
    /// Adds the next row, which the seal with this index and all later ones cover.
    pub(super) fn add(&mut self, seal: usize, hash: &Hash) {
        if self.groups.is_empty() {
            self.groups.push(SealGroup::default());
        }
        let at = self.groups.partition_point(|group| group.first < seal);
        let begins_group = self.groups.get(at).is_some_and(|group| group.first == seal);
        if !begins_group {
            let group = SealGroup { first: seal, ..self.groups[at - 1].clone() };
            self.groups.insert(at, group);
        }
        for group in &mut self.groups[at..] {
            group.count += 1;
            group.digest.update(hash);
        }
    }

    /// The count and the digest of what the seal with this index covers.
    pub(super) fn of(&self, seal: usize) -> (i64, Hash) {
        let at = self.groups.partition_point(|group| group.first <= seal);
        let group = at.checked_sub(1).map(|at| self.groups[at].clone()).unwrap_or_default();
        (group.count, group.digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seal_counts_its_own_rows_and_those_of_the_seals_before_it() {
        let rows: [(usize, u8); 7] = [(0, 1), (2, 2), (0, 3), (1, 4), (3, 5), (1, 6), (0, 7)];
        let mut tally = Tally::default();
        for (seal, byte) in rows {
            tally.add(seal, &[byte; 32]);
        }
        for seal in 0..5 {
            let covered: Vec<[u8; 32]> =
                rows.iter().filter(|row| row.0 <= seal).map(|row| [row.1; 32]).collect();
            let digest: Hash = Sha256::digest(covered.concat()).into();
            assert_eq!(tally.of(seal), (covered.len() as i64, digest), "seal {seal}");
        }
    }

    #[test]
    fn a_day_without_rows_has_the_digest_of_nothing() {
        assert_eq!(Tally::default().of(0), (0, Sha256::digest([]).into()));
    }
}
