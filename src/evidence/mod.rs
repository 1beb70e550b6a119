//! The formats of the evidence, without I/O.

pub mod tree;
