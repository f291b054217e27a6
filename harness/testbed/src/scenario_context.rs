//! A proof under way.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use sparkproof_base::context::Context;

use crate::Environment;

/// An environment and the run that uses it.
#[derive(Debug)]
pub struct ScenarioContext {
    /// What every stage borrows.
    pub context: Context,
    /// What sessions run on.
    pub environment: Environment,
    pub(super) sessions: AtomicU32,
    skipped: OnceLock<String>,
}

impl ScenarioContext {
    /// Of an environment.
    pub fn new(context: Context, environment: Environment) -> Self {
        ScenarioContext {
            context,
            environment,
            sessions: AtomicU32::new(0),
            skipped: OnceLock::new(),
        }
    }

    /// Says that the scenario, which then ends, cannot be made here, and why: found by looking, never
    /// assumed. The first reason counts.
    pub fn skip(&self, reason: &str) {
        self.skipped.get_or_init(|| reason.to_owned());
    }

    /// The reason of [`ScenarioContext::skip`], if there was one.
    pub fn into_skipped(self) -> Option<String> {
        self.skipped.into_inner()
    }

    /// A client with the rights to look around in the cluster.
    pub fn client(&self) -> &kube::Client {
        &self.environment.cluster.client
    }
}
