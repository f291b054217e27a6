//! Permissions: namespace, service account, role, binding, the driver's credentials, `can-i`.

mod can_i;
mod credentials;
mod grant;
mod rules;

pub use can_i::{Missing, missing_verbs};
pub use credentials::Credentials;
pub use grant::{Access, AccessRequest, grant};
pub use rules::{Rule, needed, submission};
