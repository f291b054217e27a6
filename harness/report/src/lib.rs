//! Everything derived from the events files of a run directory: the console, JUnit, JSON, HTML.

mod chart;
mod closing;
mod console;
mod diagnosed;
mod groups;
mod html;
mod junit;
mod model;
pub mod pages;
mod reading;
mod replay;
mod summary;
mod text;
mod write;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fixture_reading;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use fixture_reading::{reading, reading_red};

pub use closing::print_closing;
pub use console::{Console, Mode};
pub use diagnosed::{Found, found_page, found_text};
pub use model::{
    Artifact, Check, CheckOutcome, End, Evidence, Fact, Failure, Model, Moment, Note, Phase,
    PodLife, PodList, State, Step,
};
pub use replay::{holds_a_run, stored_events};
pub use summary::{Counts, Summary};
pub use write::{SUMMARY, write_all};
