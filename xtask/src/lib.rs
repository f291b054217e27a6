//! Code that chores and scenarios share.

pub mod watched;
