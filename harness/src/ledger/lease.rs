//! A Lease that says on a shared cluster that a run lives: a sweep on another machine sees neither
//! our lock nor our processes.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as KubeLease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::task::AbortOnDropHandle;

use super::labels;
use crate::context::Context;
use crate::error::{OrFail, Result};

/// Not renewed for so long: its run is dead.
pub(super) const DURATION_SECONDS: i32 = 60;
/// How often it is renewed, in seconds: three renewals may fail.
pub(super) const RENEW_SECONDS: u64 = 15;
/// Annotation: the Spark application whose objects, which carry no label of ours, are the run's.
pub(super) const APPLICATION: &str = "sparkproof.io/application";

/// Renewed until dropped.
#[derive(Debug)]
pub struct Lease {
    _renewal: AbortOnDropHandle<()>,
}

impl Lease {
    /// Takes a Lease of the run's in a namespace, which the ledger knows of, and goes on renewing it.
    ///
    /// # Errors
    /// Environment: it could not be created.
    pub async fn take(
        context: &Context,
        client: &Client,
        namespace: &str,
        name: &str,
        application: Option<&str>,
    ) -> Result<Lease> {
        let run = context.run.id();
        let api: Api<KubeLease> = Api::namespaced(client.clone(), namespace);
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let annotation = application.map(|id| (APPLICATION.to_owned(), id.to_owned()));
        let now = MicroTime(jiff::Timestamp::now());
        let lease = KubeLease {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels::kube(run, labels::Lifetime::Run)),
                annotations: Some(annotation.into_iter().collect()),
                ..Default::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(host),
                lease_duration_seconds: Some(DURATION_SECONDS),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                ..Default::default()
            }),
        };
        let created = api.create(&PostParams::default(), &lease).await;
        let held = created.or_environment(format!("creating a Lease in namespace {namespace}"))?;
        let renewal = tokio::spawn(renew(context.clone(), api, held));
        Ok(Lease { _renewal: AbortOnDropHandle::new(renewal) })
    }
}

async fn renew(context: Context, api: Api<KubeLease>, mut held: KubeLease) {
    let name = held.metadata.name.clone().unwrap_or_default();
    let mut warned = false;
    loop {
        let pause = Duration::from_secs(RENEW_SECONDS);
        tokio::time::sleep_until(tokio::time::Instant::now() + pause).await;
        if let Some(spec) = &mut held.spec {
            spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
        }
        match api.replace(&name, &PostParams::default(), &held).await {
            Ok(renewed) => (held, warned) = (renewed, false),
            // Given back, perhaps with its namespace.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => return,
            Err(error) if !warned => {
                context.recorder.warn(format!(
                    "renewing the Lease {name}: {error}; without it a sweep on another machine may \
                     take the run for dead after {DURATION_SECONDS} s"
                ));
                warned = true;
            }
            Err(_) => {}
        }
    }
}
