//! What chores and scenarios share.

pub mod watched;
