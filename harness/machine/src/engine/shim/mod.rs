//! The OCI runtime shim: called instead of runc where the host grants less than Docker requests.
//!
//! The binary is multi-call. Started under the name [`NAME`] it takes the arguments of an OCI
//! runtime, narrows the specification to what this host grants, and becomes runc.

mod arguments;
mod narrow;
mod run;

pub use run::{NAME, is_called, main};
