//! A server that runs.

use sparkproof_base::context::Context;
use sparkproof_base::dirs::remove_below;
use sparkproof_base::error::Result;

use super::place::Place;
use super::{Credentials, StoreRecord};

/// A server that runs, and who may use it.
#[derive(Debug)]
pub struct Store {
    /// What is known of it.
    pub record: StoreRecord,
    pub(super) credentials: Option<Credentials>,
    pub(super) place: Place,
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
        let place = Place::open(&record.placement).await?;
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

    /// Whether its log can be read for its requests.
    pub fn has_log(&self) -> bool {
        !matches!(self.place, Place::Own)
    }

    /// Ends it, with its data. The user's own stays.
    ///
    /// # Errors
    /// Environment: it is still there; the ledger keeps it.
    pub async fn stop(self, context: &Context) -> Result<()> {
        self.place.remove(context).await?;
        let dir = self.record.credentials.as_deref().and_then(std::path::Path::parent);
        if let Some(dir) = dir.filter(|dir| dir.starts_with(context.run.dir())) {
            let _ = remove_below(context.run.dir(), dir);
        }
        Ok(())
    }

    /// Breaks it on purpose: it answers nothing, connections stay open.
    pub async fn pause(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.pause(context).await
    }

    /// Heals [`Store::pause`].
    pub async fn unpause(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.unpause(context).await
    }

    /// Breaks it on purpose: its processes end and its port refuses, its data stays (moto's, in
    /// memory, does not).
    pub async fn halt(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.halt(context).await
    }

    /// Heals [`Store::halt`]; returns when it serves again, under the same address.
    pub async fn resume(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.begin(context).await?;
        self.healthy(context).await
    }

    /// Its log so far: what it says, and a line for each request.
    pub async fn log(&self, context: &Context) -> Result<String> {
        self.place.log(context, None).await
    }
}

impl StoreRecord {
    /// Connects to where it runs.
    ///
    /// # Errors
    /// Environment: the engine does not answer, or the credentials cannot be read.
    pub async fn open(self, context: &Context) -> Result<Store> {
        Store::open(context, self).await
    }
}
