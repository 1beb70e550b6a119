//! The Merkle tree of RFC 6962, section 2.1, over leaves that come one after the other.
//!
//! A checkpoint signs the root of this tree. To add leaves, only the tree's right edge is needed.

use sha2::{Digest as _, Sha256};

use crate::event::Hash;

/// The prefixes that keep the hash of a leaf from passing for that of a node.
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

/// The right edge of a tree: the roots of the largest complete subtrees that cover its leaves.
///
/// ```
/// use auditsync::evidence::tree::TreeEdge;
///
/// let mut edge = TreeEdge::default();
/// edge.push(b"the first leaf");
/// edge.push(b"the second leaf");
///
/// let mut later = TreeEdge::from_bytes(edge.size(), &edge.to_bytes())?;
/// edge.push(b"the third leaf");
/// later.push(b"the third leaf");
/// assert_eq!(later.root(), edge.root());
/// # Ok::<(), auditsync::evidence::tree::EdgeMismatch>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeEdge {
    /// The number of leaves. Each of its one bits stands for one subtree.
    size: u64,
    /// From the largest subtree, which is on the left, to the smallest.
    subtrees: Vec<Hash>,
}

/// The bytes are not the edge of a tree of this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the edge of a tree of {size} leaves has {expected} bytes, and not {length}")]
pub struct EdgeMismatch {
    /// The number of leaves.
    pub size: u64,
    /// The number of bytes that the edge of such a tree has.
    pub expected: usize,
    /// The number of bytes that are there.
    pub length: usize,
}

impl TreeEdge {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: &[u8]) {
        let mut node = hash([&LEAF, leaf]);
        // As in a binary counter: each trailing one is a subtree that becomes a left half.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                node = parent(&left, &node);
            }
        }
        self.subtrees.push(node);
        self.size += 1;
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree. Without leaves, it is the hash of nothing.
    pub fn root(&self) -> Hash {
        let from_the_right = self.subtrees.iter().rev().copied();
        from_the_right
            .reduce(|right, left| parent(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }

    /// The hashes of the edge one after the other, from left to right.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.subtrees.concat()
    }

    /// The edge of a tree of `size` leaves from the bytes that [`to_bytes`](Self::to_bytes) made.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, EdgeMismatch> {
        let (subtrees, rest) = bytes.as_chunks();
        if subtrees.len() != size.count_ones() as usize || !rest.is_empty() {
            let expected = size.count_ones() as usize * size_of::<Hash>();
            return Err(EdgeMismatch { size, expected, length: bytes.len() });
        }
        Ok(Self { size, subtrees: subtrees.to_vec() })
    }
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    hash([&NODE, left, right])
}

fn hash<const N: usize>(parts: [&[u8]; N]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;

    use super::*;

    /// The leaves and roots that implementations of Certificate Transparency are tested with.
    const VECTORS: [(&str, &str); 8] = [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    #[test]
    fn the_roots_are_those_of_certificate_transparency() {
        let mut edge = TreeEdge::default();
        assert_eq!(edge.root(), *Sha256::digest(b""));
        for (leaf, root) in VECTORS {
            edge.push(&hex::decode(leaf).expect("hexadecimal"));
            assert_eq!(hex::encode(edge.root()), root, "with {} leaves", edge.size());
        }
    }

    #[test]
    fn any_size_has_the_root_that_another_implementation_computes() {
        let (mut edge, mut oracle) = (TreeEdge::default(), MemoryBackedTree::<Sha256, _>::new());
        for number in 0..=1025_u32 {
            let leaf = number.to_string().repeat(number as usize % 70).into_bytes();
            edge.push(&leaf);
            oracle.push(leaf);
            assert_eq!(edge.size(), oracle.len());
            assert_eq!(
                edge.root()[..],
                oracle.root().as_bytes()[..],
                "with {} leaves",
                edge.size()
            );
        }
    }

    #[test]
    fn an_edge_that_was_stored_at_any_size_goes_on_as_if_it_never_was() {
        let mut edge = TreeEdge::default();
        for number in 0..200_u8 {
            let stored = edge.to_bytes();
            assert_eq!(stored.len(), 32 * edge.size().count_ones() as usize);
            let mut restored = TreeEdge::from_bytes(edge.size(), &stored).expect("an edge");
            edge.push(&[number]);
            restored.push(&[number]);
            assert_eq!(restored, edge);
        }
    }

    #[test]
    fn an_edge_of_another_size_is_rejected() {
        for (size, length) in [(0, 32), (1, 0), (3, 32), (3, 63), (3, 65), (4, 64), (u64::MAX, 0)] {
            let expected = 32 * size.count_ones() as usize;
            let error = EdgeMismatch { size, expected, length };
            assert_eq!(TreeEdge::from_bytes(size, &vec![0; length]), Err(error));
        }
        assert!(TreeEdge::from_bytes(u64::MAX >> 1, &[0; 63 * 32]).is_ok());
        let text = TreeEdge::from_bytes(3, &[]).expect_err("no bytes").to_string();
        assert_eq!(text, "the edge of a tree of 3 leaves has 64 bytes, and not 0");
    }
}
