//! The formats of the evidence, without I/O.

pub mod checkpoint;
pub mod key;
pub mod note;
pub mod timestamp;
pub mod tree;
