//! Permissions: namespace, service account, role, binding, the driver's credentials, `can-i`; on a
//! cluster of the user's the terms on which it is used.

mod can_i;
mod credentials;
mod grant;
mod room;
mod rules;
mod terms;
mod uses;

pub use can_i::{Missing, missing_verbs};
pub use credentials::Credentials;
pub use grant::{Access, AccessRequest, grant};
pub use room::room;
pub use rules::{DECOMMISSION_LABEL, IN_POD, Rule, STATEFUL_SET, needed, policy, submission};
pub use terms::{Identity, Terms, Wanted};
pub use uses::{CLAIMS, CONFIG_MAP, DRIVER_POD, EXEC, STORE, USES, Use, every, role};
