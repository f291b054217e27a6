//! Spark: sessions and applications, requests to drivers and their answers, and diagnoses of
//! failures.

pub mod diagnose;
pub mod session;
