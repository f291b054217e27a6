//! A running server.

use sparkproof_base::context::Context;
use sparkproof_base::dirs::remove_below;
use sparkproof_base::error::Result;

use super::place::ServerPlace;
use super::{Credentials, StoreRecord};

/// A running server with its credentials.
#[derive(Debug)]
pub struct Store {
    /// Its record.
    pub record: StoreRecord,
    pub(super) credentials: Option<Credentials>,
    pub(super) place: ServerPlace,
}

impl std::ops::Deref for Store {
    type Target = StoreRecord;
    fn deref(&self) -> &StoreRecord {
        &self.record
    }
}

impl Store {
    pub(super) async fn open(context: &Context, record: StoreRecord) -> Result<Store> {
        let credentials = match &record.credentials {
            Some(path) => Some(Credentials::read(context, path)?),
            None => None,
        };
        let place = ServerPlace::open(&record.placement).await?;
        Ok(Store { record, credentials, place })
    }

    /// The endpoint, the same for the driver and for pods.
    pub fn endpoint(&self) -> &str {
        &self.record.endpoint
    }

    /// Account and key; `None` for HDFS.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether its log can be read.
    pub fn has_log(&self) -> bool {
        !matches!(self.place, ServerPlace::Own)
    }

    /// Removes it with its data. A user's server is not touched.
    ///
    /// # Errors
    /// Environment: it still exists, and stays in the ledger.
    pub async fn stop(self, context: &Context) -> Result<()> {
        self.place.remove(context).await?;
        let dir = self.record.credentials.as_deref().and_then(std::path::Path::parent);
        if let Some(dir) = dir.filter(|dir| dir.starts_with(context.run.dir())) {
            let _ = remove_below(context.run.dir(), dir);
        }
        Ok(())
    }

    /// For controls: freezes it, so that it does not answer, but connections stay open.
    pub async fn pause(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.pause(context).await
    }

    /// Undoes [`Store::pause`].
    pub async fn unpause(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.unpause(context).await
    }

    /// For controls: ends its processes, so that its port refuses connections. Its data stays,
    /// except moto's, which is in memory.
    pub async fn halt(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.halt(context).await
    }

    /// Undoes [`Store::halt`]; returns when it serves again, at the same address.
    pub async fn resume(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.begin(context).await?;
        self.healthy(context).await
    }

    /// Its log so far.
    pub async fn log(&self, context: &Context) -> Result<String> {
        self.place.log(context, None).await
    }
}

impl StoreRecord {
    /// Connects to its container or pod.
    ///
    /// # Errors
    /// Environment: the engine does not answer, or the credentials cannot be read.
    pub async fn open(self, context: &Context) -> Result<Store> {
        Store::open(context, self).await
    }
}
