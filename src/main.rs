//! The program `auditsync`: see the library, and `auditsync --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(auditsync::app::run(std::env::args_os()))
}
