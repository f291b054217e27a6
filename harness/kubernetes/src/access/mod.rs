//! Permissions: namespace, service account, role, binding, the driver's credentials, `can-i`; and
//! what a user's cluster permits.

mod can_i;
mod capabilities;
mod credentials;
mod grant;
mod namespace;
mod optional;
mod rules;

pub use can_i::{Missing, missing_verbs};
pub use capabilities::{AccessQuery, ClusterCapabilities, Identity};
pub use credentials::Credentials;
pub use grant::{Access, AccessRequest, grant};
pub use namespace::prepare_namespace;
pub use optional::{
    CLAIMS, CONFIG_MAP, DRIVER_POD, EXEC, OPTIONAL_PERMISSIONS, OptionalPermission, STORE, every,
    role,
};
pub use rules::{DECOMMISSION_LABEL, IN_POD, Rule, STATEFUL_SET, needed, policy, submission};
