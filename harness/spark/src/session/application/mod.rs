//! An application: submitted by `spark-submit` in cluster mode, observed through the API server
//! alone.

mod finished;
mod spec;
mod submit;

pub use finished::FinishedApplication;
pub use spec::ApplicationSpec;
pub use submit::Application;
