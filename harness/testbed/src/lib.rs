//! The values that scenarios use: an environment, sessions (prepared, live, ended), and the checks of the
//! setup.

mod access;
mod application;
mod driver_site;
mod ended;
mod environment;
mod image_tool;
mod live;
mod obstacles;
mod scenario_context;
mod session;
mod session_builder;

pub use access::{can_i, uses};
pub use ended::{EndKind, EndedSession};
pub use environment::{EXECUTABLE, Environment, EnvironmentRecord, HANDOVER, NO_NODE_ENGINE};
pub use image_tool::image_tool;
pub use live::{LiveSession, PreparedSession};
pub use obstacles::Obstacles;
pub use scenario_context::ScenarioContext;
pub use session::started;
pub use session_builder::SessionBuilder;
