//! The `sparkproof` binary; under the name of the OCI runtime shim it is that shim.

mod cli;
mod doctor;

use std::process::ExitCode;

use sparkproof_machine::engine::shim;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    if shim::is_called(&name) {
        return shim::main(arguments);
    }
    cli::main()
}
