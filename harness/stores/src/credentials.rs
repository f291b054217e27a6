//! Keys of a server: random, in one private file, and registered as secrets.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_catalog::StoreKind;

/// The account in Azurite's documentation; clients derive it from host names.
const AZURE_ACCOUNT: &str = "devstoreaccount1";

/// Account and key of a server. Only [`Credentials::write`] serialises them.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// S3's access key, Azure's account.
    pub account: String,
    key: SecretString,
}

/// Their private file (0600).
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    account: Cow<'a, str>,
    key: Cow<'a, str>,
}

impl Credentials {
    pub(super) fn new(account: String, key: String) -> Self {
        Credentials { account, key: key.into() }
    }

    /// S3's secret key; Azure's account key in base64.
    pub fn key(&self) -> &str {
        self.key.expose_secret()
    }

    /// Creates credentials; `None` for HDFS, which trusts the client's user name.
    fn random(kind: StoreKind) -> Option<Self> {
        let mut random = rand::rng();
        match kind {
            StoreKind::Hdfs => None,
            StoreKind::S3 | StoreKind::Moto => Some(Credentials::new(
                Alphanumeric.sample_string(&mut random, 20),
                Alphanumeric.sample_string(&mut random, 40),
            )),
            StoreKind::Azure => Some(Credentials::new(
                AZURE_ACCOUNT.to_owned(),
                // The length of Azure's keys.
                STANDARD.encode(random.random::<[u8; 64]>()),
            )),
        }
    }

    /// Creates credentials, registers them as secrets and writes them to a file (0600) in the
    /// server's private directory; nothing for HDFS.
    pub(super) fn issue(
        context: &Context,
        kind: StoreKind,
        dir: &Path,
    ) -> Result<(Option<Self>, Option<PathBuf>)> {
        let Some(credentials) = Self::random(kind) else { return Ok((None, None)) };
        let file = dir.join("credentials.json");
        credentials.register(context);
        credentials.write(&file)?;
        Ok((Some(credentials), Some(file)))
    }

    /// Reads credentials, and registers them as secrets.
    pub(super) fn read(context: &Context, path: &Path) -> Result<Self> {
        let text = fs_err::read(path).or_environment("reading a store's credentials")?;
        let Record { account, key } =
            serde_json::from_slice(&text).or_environment("reading a store's credentials")?;
        let credentials = Self::new(account.into_owned(), key.into_owned());
        credentials.register(context);
        Ok(credentials)
    }

    /// Writes them to a file of mode 0600.
    fn write(&self, path: &Path) -> Result<()> {
        let record = Record { account: self.account.as_str().into(), key: self.key().into() };
        let text =
            serde_json::to_vec_pretty(&record).or_internal("writing a store's credentials")?;
        private_file(path, &text)
    }

    /// Registers the key as a secret.
    pub(super) fn register(&self, context: &Context) {
        let secrets = context.recorder.secrets();
        secrets.register(self.key());
        if self.account != AZURE_ACCOUNT {
            secrets.register(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    #[test]
    fn keys_are_random_and_never_shown() {
        let (context, keep) = test_context();
        let one = Credentials::random(StoreKind::Azure).expect("azure has some");
        let other = Credentials::random(StoreKind::Azure).expect("azure has some");
        assert_ne!(one.key(), other.key());
        assert_eq!(one.key().len(), 88);
        assert!(!format!("{one:?}").contains(one.key()));
        let path = keep.path().join("credentials.json");
        one.write(&path).expect("written");
        let read = Credentials::read(&context, &path).expect("readable");
        assert_eq!((&read.account, read.key()), (&one.account, one.key()));
        assert_eq!(context.recorder.secrets().scrub(one.key()), "[secret]");
        assert!(Credentials::random(StoreKind::Hdfs).is_none());
    }
}
