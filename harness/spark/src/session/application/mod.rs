//! An application: submitted by `spark-submit` in cluster mode, seen through the API alone.

mod finished;
mod spec;
mod submit;

pub use finished::Finished;
pub use spec::ApplicationSpec;
pub use submit::Application;
