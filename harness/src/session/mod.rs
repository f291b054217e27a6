//! Sessions: what is asked of one, the driver that holds it, what started means.

mod channel;
mod contribution;
mod driver;
mod evidence;
mod health;
mod logs;
mod probe;
mod protocol;
mod rest;
mod running;
mod spec;
mod start;
mod template;

pub use contribution::Contribution;
pub use probe::{BarrierResult, BarrierTask, jar};
pub use protocol::{Described, PROTOCOL_VERSION};
pub use rest::{Executor, executors};
pub use running::{Ended, Session};
pub use spec::{SessionSpec, register_secrets};
pub use template::EXECUTOR_CONTAINER;
