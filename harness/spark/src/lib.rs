//! Spark: sessions and applications, requests to drivers and their answers, and the evidence of
//! their failures.

pub mod session;
