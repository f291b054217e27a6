//! The context of a running scenario.

use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, OnceLock, PoisonError};

use sparkproof_base::context::Context;

use crate::{EndedSession, Environment};

/// An environment and the run that uses it.
#[derive(Debug)]
pub struct ScenarioContext {
    /// The run: recorder, ledger, cancellation.
    pub context: Context,
    /// The environment that sessions run on.
    pub environment: Environment,
    pub(super) sessions: AtomicU32,
    ending: Mutex<Vec<EndedSession>>,
    skipped: OnceLock<String>,
}

impl ScenarioContext {
    /// Creates a context in an environment.
    pub fn new(context: Context, environment: Environment) -> Self {
        ScenarioContext {
            context,
            environment,
            sessions: AtomicU32::new(0),
            ending: Mutex::default(),
            skipped: OnceLock::new(),
        }
    }

    /// Marks the scenario as skipped, with a reason that was observed here. The scenario then has to
    /// return. The first reason counts.
    pub fn skip(&self, reason: &str) {
        self.skipped.get_or_init(|| reason.to_owned());
    }

    /// The reason from [`ScenarioContext::skip`], if it was called.
    pub fn into_skipped(self) -> Option<String> {
        self.skipped.into_inner()
    }

    /// Keeps a session whose namespace is ending, for [`ScenarioContext::take_ending`].
    pub fn keep_ending(&self, ended: EndedSession) {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
    }

    /// The sessions that were kept since the last call, oldest first.
    pub fn take_ending(&self) -> Vec<EndedSession> {
        std::mem::take(&mut *self.ending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A client with the permissions to inspect the cluster.
    pub fn client(&self) -> &kube::Client {
        &self.environment.cluster.client
    }
}
