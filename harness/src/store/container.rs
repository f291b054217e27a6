//! A server in a container on the cluster's Docker network.
//!
//! Not by testcontainers: it takes the daemon's address from the process environment or a file of
//! the user's home directory only, while ours may listen anywhere, and it removes a container with
//! the value that started it, while ours outlives the process.

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{StopContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;

use super::place::Place;
use super::serving::{SERVER_UID, TLS_DIR, TLS_PORT, bucket, environment, memory, scheme};
use super::{Credentials, Placement, Store, StoreRecord, StoreRequest, certificate, sandbox};
use crate::catalog::StoreKind;
use crate::context::Context;
use crate::dirs::private_dir;
use crate::engine::{Container, Engine};
use crate::error::{OrFail, Result};
use crate::ledger::labels;

/// Most processes and threads: a JVM has some hundred.
const PIDS: i64 = 1000;

/// Creates and starts it; it does not serve yet.
pub(super) async fn start(
    context: &Context,
    engine: &Engine,
    network: &str,
    image: &str,
    request: &StoreRequest<'_>,
) -> Result<Store> {
    let kind = request.kind;
    let name = format!("sparkproof-{}-{}", context.run.id(), request.name);
    let dir = StoreRecord::dir(context.run.dir(), request.name);
    private_dir(&dir)?;
    let (credentials, file) = Credentials::issue(context, kind, &dir)?;
    // Azure's clients take the first label for the account.
    let host = match (kind, &credentials) {
        (StoreKind::Azure, Some(c)) => Some(format!("{}.{name}", c.account)),
        _ => None,
    };
    let mut aliases = vec![name.clone()];
    aliases.extend(host.clone());
    let names = (name.as_str(), aliases.clone());
    let address = sandbox::start(context, engine, network, image, request, names).await?;
    let env = environment(request, credentials.as_ref());
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        env: Some(env.into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
        labels: Some(labels::docker(context.run.id(), request.scope.into())),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{}", sandbox::name(&name))),
            memory: Some(memory(kind)),
            pids_limit: Some(PIDS),
            cap_drop: Some(vec!["ALL".to_owned()]),
            // Read again for its requests, whatever the daemon does with logs by default.
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: None,
            }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let container = Container::start(context, engine, &name, body).await?;
    let endpoint = format!("{}://{address}:{}", scheme(kind), kind.port());
    let mut record = StoreRecord {
        kind,
        placement: Placement::Container {
            docker: engine.host.clone(),
            name: name.clone(),
            network: network.to_owned(),
        },
        endpoint,
        tls_endpoint: None,
        address: address.to_string(),
        host,
        bucket: bucket(kind).to_owned(),
        region: None,
        image: Some(image.to_owned()),
        credentials: file,
        ca_certificate: None,
    };
    if kind == StoreKind::Azure {
        aliases.push(address.to_string());
        let (issued, authority) = certificate::issue_into(context, &dir, &aliases)?;
        container.give_certificate(&issued.certificate, &issued.key).await?;
        record.ca_certificate = Some(authority);
        record.tls_endpoint = Some(format!("https://{address}:{TLS_PORT}"));
    }
    record.write(&StoreRecord::path(context.run.dir(), request.name))?;
    Ok(Store { record, credentials, place: Place::Container(container) })
}

impl Container {
    /// Puts the TLS certificate where its server waits for it, readable by the server only.
    async fn give_certificate(&self, certificate: &str, key: &str) -> Result<()> {
        let what = || self.what("giving a certificate to");
        let mut archive = tar::Builder::new(Vec::new());
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o400);
            header.set_uid(SERVER_UID);
            archive.append_data(&mut header, name, text.as_bytes()).or_internal(what())?;
        }
        let bytes = archive.into_inner().or_internal(what())?;
        let options = UploadToContainerOptionsBuilder::new().path(TLS_DIR).build();
        let body = bollard::body_full(Bytes::from(bytes));
        let sent = self.engine.docker.upload_to_container(&self.name, Some(options), body);
        sent.await.or_environment(what())
    }

    pub(super) async fn pause(&self) -> Result<()> {
        self.engine.docker.pause_container(&self.name).await.or_environment(self.what("pausing"))
    }

    pub(super) async fn unpause(&self) -> Result<()> {
        let done = self.engine.docker.unpause_container(&self.name).await;
        done.or_environment(self.what("unpausing"))
    }

    pub(super) async fn halt(&self) -> Result<()> {
        let options = StopContainerOptionsBuilder::new().t(5).build();
        let done = self.engine.docker.stop_container(&self.name, Some(options)).await;
        done.or_environment(self.what("stopping"))
    }

    /// Starts it again: its sandbox has kept the address.
    pub(super) async fn resume(&self, context: &Context) -> Result<()> {
        self.begin(context).await
    }
}
