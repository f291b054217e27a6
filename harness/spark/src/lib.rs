//! Spark: what it is told and what it answers, and why it failed.

pub mod diagnose;
pub mod session;
