//! Code that the live scenarios of `tests/live` share.

pub mod commands;
pub mod faults;
pub mod frame;
pub mod geni;
pub mod pod_spec;
pub mod registry;
pub mod team;
