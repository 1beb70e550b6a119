//! Which events a reading saw, in eight bytes each.

use sha2::{Digest as _, Sha256};

/// Tells event ids apart well enough to count them: among a million, two are taken for one in one of 30 million cases.
pub fn fingerprint(id: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(id).into();
    let [first, ..] = hash.as_chunks::<8>().0 else { unreachable!("a hash has 32 bytes") };
    u64::from_le_bytes(*first)
}

/// The ids that were seen, each counted once however often it came.
///
/// ```
/// let mut seen = auditsync::fingerprints::Fingerprints::default();
/// ["a", "b", "a"].iter().for_each(|id| seen.note(id));
/// assert_eq!((seen.count(), seen.contains("b"), seen.contains("c")), (2, true, false));
/// ```
#[derive(Debug, Default)]
pub struct Fingerprints {
    prints: Vec<u64>,
    /// How many of them, from the first, are in order and differ.
    sorted: usize,
}

impl Fingerprints {
    /// For about `count` ids.
    pub fn with_capacity(count: usize) -> Self {
        Self { prints: Vec::with_capacity(count), sorted: 0 }
    }

    /// Notes an id.
    pub fn note(&mut self, id: &str) {
        self.prints.push(fingerprint(id));
    }

    /// How many ids were seen.
    pub fn count(&mut self) -> usize {
        self.settle();
        self.prints.len()
    }

    /// Whether `id` was seen.
    pub fn contains(&mut self, id: &str) -> bool {
        self.settle();
        self.prints.binary_search(&fingerprint(id)).is_ok()
    }

    fn settle(&mut self) {
        if self.sorted < self.prints.len() {
            self.prints.sort_unstable();
            self.prints.dedup();
            self.sorted = self.prints.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_comes_again_counts_once_whenever_it_is_asked_for() {
        let mut seen = Fingerprints::with_capacity(2);
        for id in ["b", "a", "b"] {
            seen.note(id);
        }
        assert_eq!((seen.count(), seen.contains("a"), seen.contains("c")), (2, true, false));
        seen.note("c");
        seen.note("a");
        assert_eq!((seen.count(), seen.contains("c")), (3, true));
    }
}
