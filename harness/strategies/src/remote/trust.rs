//! Trust stores with the test authority's certificate, for JVMs.

use std::path::PathBuf;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, ConfigMapVolumeSource, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_machine::exec::Tool;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_stores::Store;

use crate::StrategyContext;
use crate::objects::create;

/// Name of the volume.
const NAME: &str = "sparkproof-trust";
/// Its path in executors.
const DIRECTORY: &str = "/etc/sparkproof-trust";
const FILE: &str = "trust.p12";
/// Not secret (certificates are public), but the format needs a password.
const PASSWORD: &str = "changeit";

/// Name of the ConfigMap, with the run's id, since other runs may share the namespace.
fn config_map(scene: StrategyContext<'_>) -> String {
    format!("sparkproof-{}-trust", scene.context.run.id())
}

fn local(scene: StrategyContext<'_>) -> PathBuf {
    scene.context.run.dir().join(format!("{}-{FILE}", scene.namespace))
}

/// Creates a trust store with the store's authority: a file for the driver, a ConfigMap for
/// executors.
pub(super) async fn provide(scene: StrategyContext<'_>, store: &Store) -> Result<()> {
    let authority = store.ca_certificate.as_ref();
    let authority = authority.ok_or_else(|| Error::internal("the store has no authority"))?;
    let file = local(scene);
    Tool::new("keytool")
        .args(["-importcert", "-noprompt", "-alias", "sparkproof", "-storetype", "PKCS12"])
        .args(["-storepass", PASSWORD])
        .args(["-file".as_ref(), authority.as_os_str(), "-keystore".as_ref(), file.as_os_str()])
        .run(scene.context)
        .await
        .map_err(|e| {
            Error::environment("making a trust store")
                .with_source(e)
                .remedy("install a JDK (openjdk-17-jdk-headless has keytool)")
        })?;
    let bytes = fs_err::read(&file).or_environment("reading the trust store")?;
    let map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(config_map(scene)),
            labels: Some(labels::kube(scene.context.run.id(), labels::Lifetime::Run)),
            ..Default::default()
        },
        binary_data: Some([(FILE.to_owned(), ByteString(bytes))].into()),
        ..Default::default()
    };
    let client = scene.environment.cluster.client.clone();
    create(scene, Api::namespaced(client, scene.namespace), map).await
}

/// Adds the JVM options and the volume.
pub(super) fn contribute(scene: StrategyContext<'_>) -> SessionOverlay {
    let options = |path: String| {
        vec![
            format!("-Djavax.net.ssl.trustStore={path}"),
            "-Djavax.net.ssl.trustStoreType=PKCS12".to_owned(),
            format!("-Djavax.net.ssl.trustStorePassword={PASSWORD}"),
        ]
    };
    SessionOverlay {
        driver_files: vec![local(scene)],
        driver_options: options(local(scene).display().to_string()),
        executor_options: options(format!("{DIRECTORY}/{FILE}")),
        volumes: vec![Volume {
            name: NAME.to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: config_map(scene),
                ..Default::default()
            }),
            ..Default::default()
        }],
        mounts: vec![VolumeMount {
            name: NAME.to_owned(),
            mount_path: DIRECTORY.to_owned(),
            read_only: Some(true),
            ..Default::default()
        }],
        ..Default::default()
    }
}
