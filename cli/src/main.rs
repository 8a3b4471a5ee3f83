//! The `bastide` program; everything is in the `bastide_cli` library.

use std::process::ExitCode;

fn main() -> ExitCode {
    bastide_cli::main()
}
