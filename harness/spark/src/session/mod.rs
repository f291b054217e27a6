//! Sessions: their specification, their driver, and when they count as started.

mod agreement;
mod application;
mod channel;
mod configuration;
mod cost;
mod driver;
mod dry_run;
mod evidence;
mod frame;
mod geni;
mod health;
mod keys;
mod logs;
mod merge;
mod metrics;
mod overlay;
mod placeholders;
mod probe;
mod protocol;
mod reading;
mod rest;
mod running;
mod site;
mod size;
mod spec;
mod start;
mod template;
mod transcript;

pub use application::{Application, ApplicationSpec, FinishedApplication};
pub use configuration::{add_object, configuration};
pub use cost::{CostSoFar, GroupCost};
pub use evidence::ENDED;
pub use frame::Frame;
pub use geni::Geni;
pub use overlay::SessionOverlay;
pub use placeholders::Placeholders;
pub use probe::{BarrierResult, jar};
pub use protocol::{DriverError, JavaException, PROTOCOL_VERSION};
pub use reading::{Listed, Listing, ReadPart, Reading};
pub use rest::Executor;
pub use running::{Ended, Session};
pub use site::{DriverSite, InPodSite};
pub use sparkproof_catalog::plan::STRICT;
pub use sparkproof_judge::{
    BarrierTask, FileRead, FrameFile, FrameResult, GroupMetrics, ReadTask, Share,
};
pub use spec::{FaultInjection, SessionSpec};
pub use template::EXECUTOR_CONTAINER;
pub use transcript::{Heard, Transcript, Typing, Versions};
