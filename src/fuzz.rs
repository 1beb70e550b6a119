//! Runs the fuzz targets. Each is a test beside the code that it attacks, and takes a second with
//! `cargo test`. `BOLERO_RANDOM_TEST_TIME_MS` sets another time, `BOLERO_RANDOM_ITERATIONS` a
//! number of cases:
//!
//! ```sh
//! BOLERO_RANDOM_TEST_TIME_MS=3600000 cargo test --release --lib fuzz -- --nocapture
//! ```
//!
//! `cargo bolero` runs the same targets guided by coverage. A failure shows its input, and the seed
//! that repeats it when set in `BOLERO_RANDOM_SEED`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Pieces of valid and of invalid JSON.
#[rustfmt::skip]
pub(crate) const JSON: &[&str] = &[
    "[", "]", "[", "]", "{", "}", ",", ",", ":", "\"", "\"", "\\", " ", "\n", "\t", "null", "true",
    "false", "0", "-1", "1.5e300", "1E", "\"id\":", "\"id\":\"a\"", "{\"id\":\"a\"}",
    ",{\"id\":\"b\"}", "{}", "[]", "\"a\"", "\"id\"", "\\u0000", "\\ud800", "\\\"",
    "\"created_at\":", "\"2024-09-28T10:00:00Z\"", "\"actor\":{\"email\":\"a@x\"}",
    "\"request\":{\"ip_address\":\"::1\"}", "\"message\":\"No\"", "é", "\u{feff}", "x", "\u{7f}",
    "\u{9b}",
];

/// Counts the cases of a target, and prints their number at its end.
pub(crate) struct Cases {
    name: &'static str,
    count: AtomicU64,
}

impl Cases {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, count: AtomicU64::new(0) }
    }

    pub(crate) fn one_more(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Cases {
    fn drop(&mut self) {
        eprintln!("{}: {} cases", self.name, self.count.load(Ordering::Relaxed));
    }
}

/// Runs a target, which is a function of bytes, on random bytes.
macro_rules! fuzz {
    ($name:literal, $target:expr) => {{
        let cases = crate::fuzz::Cases::of($name);
        let target = $target;
        bolero::check!().with_max_len(160).for_each(|input: &[u8]| {
            cases.one_more();
            target(input);
        });
    }};
}
pub(crate) use fuzz;

/// A text from `input`. Most bytes become one of the `words`, others stay, which makes texts that
/// are almost valid.
pub(crate) fn spelled(input: &[u8], words: &[&str]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in input {
        if *byte < 240 {
            text.extend_from_slice(words[usize::from(*byte) % words.len()].as_bytes());
        } else {
            text.push(byte.wrapping_mul(37));
        }
    }
    text
}
