//! The common part of all remote variants: upload, jars, a URL.

use std::path::PathBuf;
use std::time::Instant;

use futures::future::LocalBoxFuture;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::plan::Conf;
use sparkproof_catalog::spark::find;
use sparkproof_catalog::{JarSet, StoreKind, Variant};
use sparkproof_images::Layer;
use sparkproof_images::spark::{SparkImage, jar_layer, jars};
use sparkproof_spark::session::SessionOverlay;
use sparkproof_stores::Store;
use sparkproof_testbed::Environment;

use super::{azure, hdfs, s3, trust, web};
use crate::{Dataset, Location, SetupCost, Strategy, StrategyContext};

/// One remote variant.
#[derive(Debug)]
pub struct Remote {
    variant: &'static Variant,
    scheme: Scheme,
    /// The prefix of its data in the store: the nonce, so that the log shows which requests are of
    /// it.
    prefix: String,
    jars: Vec<PathBuf>,
    layer: Option<Layer>,
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HDFS.
    Hdfs,
    /// S3.
    S3a,
    /// Azure's blobs, without TLS.
    Wasb,
    /// Azure's blobs, with TLS.
    Wasbs,
    /// Azure's blobs, by the ABFS driver.
    Abfs,
    /// A file on a web server.
    Http,
    /// The same, with TLS.
    Https,
}

impl Remote {
    /// Of a variant.
    pub(crate) fn new(variant: &'static Variant, scheme: Scheme) -> Self {
        Remote { variant, scheme, prefix: String::new(), jars: Vec::new(), layer: None }
    }

    fn kind(&self) -> Result<StoreKind> {
        let first = self.variant.stores.first().copied();
        first.ok_or_else(|| Error::internal(format!("{} names no store", self.variant.id)))
    }

    fn store<'a>(&self, scene: StrategyContext<'a>) -> Result<&'a Store> {
        scene.environment.stores.get(self.kind()?)
    }

    fn jar_set(&self) -> Option<JarSet> {
        match self.scheme {
            Scheme::S3a => Some(JarSet::S3),
            Scheme::Wasb | Scheme::Wasbs | Scheme::Abfs => Some(JarSet::Azure),
            Scheme::Hdfs | Scheme::Http | Scheme::Https => None,
        }
    }

    fn uri(&self, store: &Store) -> Result<String> {
        let prefix = &self.prefix;
        match self.scheme {
            Scheme::Hdfs => Ok(hdfs::uri(store, prefix)),
            Scheme::S3a => Ok(s3::uri(store, prefix)),
            Scheme::Wasb | Scheme::Wasbs => azure::wasb_uri(store, prefix, self.tls()),
            Scheme::Abfs => azure::abfs_uri(store, prefix),
            Scheme::Http | Scheme::Https => web::uri(store, prefix, self.tls()),
        }
    }

    /// Why a variant cannot be proven with a user's store.
    fn unfit(&self, store: &Store) -> Option<&'static str> {
        match self.scheme {
            Scheme::Wasb | Scheme::Wasbs if store.host.is_none() => Some(
                "wasb takes the account from the first label of the host name, which sparkproof \
                 defines for its own servers only; the store is yours",
            ),
            Scheme::Wasbs | Scheme::Https if store.ca_certificate.is_none() => {
                Some("it needs a certificate of sparkproof's test authority; the store is yours")
            }
            _ => None,
        }
    }

    fn tls(&self) -> bool {
        matches!(self.scheme, Scheme::Wasbs | Scheme::Https)
    }

    fn file_system(&self) -> &'static str {
        match self.scheme {
            Scheme::Hdfs => "DistributedFileSystem",
            Scheme::S3a => "S3AFileSystem",
            Scheme::Wasb => "NativeAzureFileSystem",
            // The nested class of `NativeAzureFileSystem` for TLS.
            Scheme::Wasbs => "NativeAzureFileSystem$Secure",
            Scheme::Abfs => "AzureBlobFileSystem",
            Scheme::Http => "HttpFileSystem",
            Scheme::Https => "HttpsFileSystem",
        }
    }
}

impl Strategy for Remote {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn unavailable<'a>(
        &'a self,
        _: &'a Context,
        environment: &'a Environment,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        let reason = match self.kind().and_then(|kind| environment.stores.get(kind)) {
            Ok(store) => self.unfit(store).map(str::to_owned),
            Err(error) => Some(error.to_string()),
        };
        Box::pin(async { Ok(reason) })
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            if let Some(set) = self.jar_set() {
                let image = &scene.environment.image;
                self.jars = jars(scene.context, "prepare", image, set).await?;
                // Spark ships the jars if the image cannot get layers.
                if scene.environment.engine.is_some() {
                    self.layer = Some(jar_layer(&self.jars).await?);
                }
            }
            if self.scheme == Scheme::Wasbs {
                trust::provide(scene, self.store(scene)?).await?;
            }
            self.prefix.clone_from(&data.nonce);
            let begun = Instant::now();
            self.store(scene)?.put_all(scene.context, &self.prefix, &data.sources()).await?;
            Ok(SetupCost { seconds: begun.elapsed().as_secs_f64(), ..Default::default() })
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let store = self.store(scene)?;
        let mut added = match self.scheme {
            Scheme::S3a => s3::contribute(store, has_hadoop_2(scene))?,
            Scheme::Wasb | Scheme::Wasbs => {
                azure::contribute_wasb(store, self.tls(), has_hadoop_2(scene))?
            }
            Scheme::Abfs => azure::contribute_abfs(store)?,
            Scheme::Hdfs | Scheme::Http | Scheme::Https => SessionOverlay::default(),
        };
        if self.scheme == Scheme::Wasbs {
            added.add(&self.variant.id.to_string(), trust::contribute(scene))?;
        }
        added.driver_jars.clone_from(&self.jars);
        added.layers.extend(self.layer.clone());
        if self.layer.is_none() {
            added.shipped_jars.clone_from(&self.jars);
        }
        Ok(added)
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        // `prepare` has failed already if there is no store.
        let uri = self.store(scene).and_then(|store| self.uri(store)).unwrap_or_default();
        let store = self.kind().unwrap_or(StoreKind::S3);
        Location::remote(uri, self.file_system(), store)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.prefix.as_str() {
                // Nothing was uploaded.
                "" => Ok(()),
                prefix => self.store(scene)?.remove(scene.context, prefix).await,
            }
        })
    }
}

/// The settings for reading from an S3 store.
pub fn s3_conf(store: &Store, image: &SparkImage) -> Result<Conf> {
    Ok(s3::contribute(store, hadoop_2(&image.version))?.conf)
}

/// Whether this Spark version comes with Hadoop 2, whose file systems have fewer settings.
fn has_hadoop_2(scene: StrategyContext<'_>) -> bool {
    hadoop_2(&scene.environment.image.version)
}

fn hadoop_2(spark: &SparkVersion) -> bool {
    find(spark).is_ok_and(|spark| spark.hadoop.starts_with("2."))
}
