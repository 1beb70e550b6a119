//! The digest of a day: SHA-256 over the hashes of its stored events in ascending byte order of
//! their ids. `store/sql/publish.sql` computes the same.

use sha2::{Digest as _, Sha256};

use crate::event::Hash;

/// Computes a day's digest from a stream of its events.
///
/// ```
/// use auditsync::digest::DayDigest;
///
/// let mut digest = DayDigest::default();
/// digest.add("a", &[1; 32])?;
/// digest.add("b", &[2; 32])?;
/// assert!(digest.add("b", &[2; 32]).is_err());
/// # Ok::<(), auditsync::digest::OutOfOrder>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DayDigest {
    hashes: Sha256,
    last_id: Option<String>,
}

/// An event came whose id does not follow the previous one in ascending byte order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} is out of order")]
pub struct OutOfOrder {
    /// The id of that event.
    pub id: String,
}

impl DayDigest {
    /// Adds the next event. An error leaves the digest unchanged.
    pub fn add(&mut self, id: &str, hash: &Hash) -> Result<(), OutOfOrder> {
        // Strings compare by their bytes, as PostgreSQL's collation "C" does for UTF-8.
        if self.last_id.as_deref().is_some_and(|last| id <= last) {
            return Err(OutOfOrder { id: id.to_owned() });
        }
        self.hashes.update(hash);
        let last_id = self.last_id.get_or_insert_default();
        last_id.clear();
        last_id.push_str(id);
        Ok(())
    }

    /// The digest of the events that were added.
    pub fn finish(self) -> Hash {
        self.hashes.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(events: &[(&str, Hash)]) -> Result<String, OutOfOrder> {
        let mut digest = DayDigest::default();
        for (id, hash) in events {
            digest.add(id, hash)?;
        }
        Ok(hex::encode(digest.finish()))
    }

    #[test]
    fn a_day_without_events_has_the_digest_of_nothing() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(&[]).as_deref(), Ok(nothing));
    }

    #[test]
    fn the_digest_is_the_sha_256_of_the_hashes_one_after_the_other() {
        let both = Sha256::digest([[1; 32], [2; 32]].concat());
        assert_eq!(digest(&[("a", [1; 32]), ("b", [2; 32])]), Ok(hex::encode(both)));
    }

    #[test]
    fn ids_ascend_by_their_bytes() {
        // U+FFFF comes before U+10000 in UTF-8, and behind it in UTF-16.
        let ids = ["", "B", "a", "aa", "b", "é", "\u{ffff}", "\u{10000}"];
        let events: Vec<_> = ids.iter().map(|id| (*id, [0; 32])).collect();
        assert!(digest(&events).is_ok());
        for pair in ids.windows(2) {
            let swapped = [(pair[1], [0; 32]), (pair[0], [0; 32])];
            assert_eq!(digest(&swapped), Err(OutOfOrder { id: pair[0].to_owned() }));
        }
    }

    #[test]
    fn an_id_that_comes_twice_is_an_error_and_not_counted() {
        let mut twice = DayDigest::default();
        twice.add("a", &[1; 32]).expect("the first");
        twice.add("a", &[2; 32]).expect_err("the second");
        twice.add("b", &[3; 32]).expect("another id");
        let expected = digest(&[("a", [1; 32]), ("b", [3; 32])]);
        assert_eq!(Ok(hex::encode(twice.finish())), expected);
    }
}
