//! Development only.
#![allow(dead_code, unused_imports)]
mod support;
mod verify;
