//! The OCI runtime shim: stands in front of runc where the host grants less than Docker asks for.
//!
//! The binary is multi-call: started under the name [`NAME`] it takes the arguments of an OCI
//! runtime, narrows what the specification asks for to what this host really has, and becomes runc.

mod arguments;
mod narrow;
mod run;

pub use run::{NAME, is_called, main};
