//! A server that runs.

use super::container::Container;
use super::{Credentials, Placement, StoreKind, StoreRecord};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Scope;

/// Which server to start.
#[derive(Debug, Clone)]
pub struct StoreRequest<'a> {
    /// Which server.
    pub kind: StoreKind,
    /// Its name within the run; its kind's name unless there are several of a kind.
    pub name: &'a str,
    /// How long it lives.
    pub scope: Scope,
    /// HDFS: bytes of a block for clients that do not say, at least 1 MiB.
    pub block_bytes: u64,
}

impl StoreRequest<'_> {
    /// A server of the run, named after its kind, with blocks of 4 MiB.
    pub fn of(kind: StoreKind) -> Self {
        StoreRequest { kind, name: kind.name(), scope: Scope::Run, block_bytes: 4 << 20 }
    }
}

/// A server that runs, and who may use it.
#[derive(Debug)]
pub struct Store {
    /// What is known of it.
    pub record: StoreRecord,
    pub(super) credentials: Option<Credentials>,
    pub(super) place: Place,
}

/// Where it runs, connected.
#[derive(Debug)]
pub(super) enum Place {
    /// A container.
    Container(Container),
}

impl std::ops::Deref for Store {
    type Target = StoreRecord;
    fn deref(&self) -> &StoreRecord {
        &self.record
    }
}

impl Store {
    /// Starts one in a container on a Docker network, and returns when it serves. It is the run's:
    /// in its ledger, labelled, and given back by [`Store::stop`] or with the run.
    ///
    /// # Errors
    /// Environment: its image could not be assembled, or it does not serve (with the end of its
    /// log).
    pub async fn start(
        context: &Context,
        engine: &Engine,
        network: &str,
        request: &StoreRequest<'_>,
    ) -> Result<Store> {
        let kind = request.kind;
        let phase = context.recorder.phase(&format!("store {}", request.name));
        let begun = async {
            let image = crate::images::store::provide(context, engine, phase.name(), kind).await?;
            let step = phase.step("start");
            let store = super::container::start(context, engine, network, &image, request).await?;
            store.healthy(context).await?;
            step.done("");
            Ok(store)
        };
        let begun = begun.await;
        phase.end(begun, |store| format!("{}, {}", store.endpoint, store.place))
    }

    pub(super) async fn open(context: &Context, record: StoreRecord) -> Result<Store> {
        let credentials = match &record.credentials {
            Some(path) => Some(Credentials::read(context, path)?),
            None => None,
        };
        let place = match &record.placement {
            Placement::Container { docker, name, .. } => {
                let engine = Engine::at(docker).await?.ok_or_else(|| {
                    Error::environment(format!("the Docker daemon at {docker} does not answer"))
                })?;
                Place::Container(Container { engine, name: name.clone() })
            }
        };
        Ok(Store { record, credentials, place })
    }

    /// What clients are given, the same for the driver and for pods.
    pub fn endpoint(&self) -> &str {
        &self.record.endpoint
    }

    /// Who may use it; none for HDFS.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Ends it, with its data.
    ///
    /// # Errors
    /// Environment: it is still there; the ledger keeps it.
    pub async fn stop(self, context: &Context) -> Result<()> {
        match &self.place {
            Place::Container(container) => container.remove(context).await?,
        }
        if let Some(dir) = self.record.credentials.as_deref().and_then(std::path::Path::parent) {
            let _ = fs_err::remove_dir_all(dir);
        }
        Ok(())
    }

    /// Breaks it on purpose: it answers nothing, connections stay open.
    pub async fn pause(&self) -> Result<()> {
        match &self.place {
            Place::Container(container) => container.pause().await,
        }
    }

    /// Heals [`Store::pause`].
    pub async fn unpause(&self) -> Result<()> {
        match &self.place {
            Place::Container(container) => container.unpause().await,
        }
    }

    /// Breaks it on purpose: its processes end, its data stays (moto's, in memory, does not).
    pub async fn halt(&self) -> Result<()> {
        match &self.place {
            Place::Container(container) => container.halt().await,
        }
    }

    /// Heals [`Store::halt`]; returns when it serves again, under the same address.
    pub async fn resume(&self, context: &Context) -> Result<()> {
        match &self.place {
            Place::Container(container) => container.resume(&self.record.address).await?,
        }
        self.healthy(context).await
    }

    /// Its log so far: what it says, and a line for each request.
    pub async fn log(&self) -> Result<String> {
        match &self.place {
            Place::Container(container) => container.log(None).await,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Container(container) => write!(f, "container {}", container.name),
        }
    }
}
