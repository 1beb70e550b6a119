//! Development only.
#![allow(dead_code, unused_imports)]
mod support;
mod tidy;
mod verify;
