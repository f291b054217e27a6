//! Storage servers: in a container on the cluster's network, in a pod, or the user's. The run owns
//! them; driver and pods reach them at the same address; other processes reopen them through a
//! record.

mod certificate;
mod container;
mod credentials;
mod hadoop;
mod health;
mod http;
mod key;
mod log;
mod model;
mod objects;
mod own;
mod place;
mod pod;
mod record;
mod request;
mod requests;
mod running_pod;
mod sandbox;
mod serving;
mod start;
mod stores;
mod upload;

pub use self::model::Store;
pub use self::request::StoreRequest;
pub use credentials::Credentials;
pub use record::{Placement, StoreRecord};
pub use sparkproof_catalog::StoreKind;
pub use sparkproof_judge::ServerRequest;
pub use stores::{InPods, Stores};
