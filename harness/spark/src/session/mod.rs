//! Sessions: their specification, their driver, and when they count as started.

mod agreement;
mod application;
mod channel;
mod configuration;
mod driver;
mod evidence;
mod frame;
mod geni;
mod health;
mod logs;
mod metrics;
mod overlay;
mod placeholders;
mod probe;
mod protocol;
mod reading;
mod rest;
mod running;
mod spec;
mod start;
mod template;
mod transcript;

pub use application::{Application, ApplicationSpec, FinishedApplication};
pub use configuration::{add_object, configuration};
pub use frame::{Frame, FrameFile, FrameResult};
pub use geni::Geni;
pub use metrics::{ExecutorMetrics, ExecutorTotals, GroupMetrics};
pub use overlay::SessionOverlay;
pub use placeholders::Placeholders;
pub use probe::{BarrierResult, jar};
pub use protocol::{DriverError, JavaException, PROTOCOL_VERSION};
pub use reading::{
    FileRead, JavaFailure, Listed, Listing, Mount, ReadResult, ReadTask, Reading, Share,
    ShareFailure,
};
pub use rest::Executor;
pub use running::{Ended, Session};
pub use sparkproof_catalog::plan::STRICT;
pub use spec::{DriverSite, FaultInjection, InPodSite, SessionSpec};
pub use template::EXECUTOR_CONTAINER;
pub use transcript::{Heard, Transcript, Typing, Versions};
