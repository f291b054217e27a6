//! The `sparkproof` binary; under the name of the OCI runtime shim it is that shim.

use std::process::ExitCode;

fn main() -> ExitCode {
    if sparkproof::engine::shim::is_called() {
        return sparkproof::engine::shim::main();
    }
    sparkproof::cli::main()
}
