//! A server in a container on the cluster's Docker network.
//!
//! Without testcontainers, which takes the daemon's address only from the process environment or a
//! file in the home directory, and removes a container when the value that started it is dropped:
//! see ARCHITECTURE.md.

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_dir;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_catalog::StoreKind;
use sparkproof_machine::engine::{Container, Engine};

use super::place::ServerPlace;
use super::serving::{SERVER_UID, TLS_DIR, TLS_PORT, bucket, environment, memory, scheme};
use super::{Credentials, Placement, Store, StoreRecord, StoreRequest, certificate, sandbox};

/// Limit of processes and threads; a JVM has some hundred.
const PIDS: i64 = 1000;

/// Creates and starts the container, without waiting until it serves.
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
    // Azure's clients use the first label as the account.
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
        labels: Some(labels::docker(context.run.label(), request.scope.into())),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{}", sandbox::name(&name))),
            memory: Some(memory(kind)),
            pids_limit: Some(PIDS),
            cap_drop: Some(vec!["ALL".to_owned()]),
            // The log is read for requests, so it needs a driver that can be read.
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
        give_certificate(context, &container, &issued.certificate, &issued.key).await?;
        record.ca_certificate = Some(authority);
        record.tls_endpoint = Some(format!("https://{address}:{TLS_PORT}"));
    }
    record.write(&StoreRecord::path(context.run.dir(), request.name))?;
    Ok(Store { record, credentials, place: ServerPlace::Container(container) })
}

/// Copies the TLS certificate to where the server waits for it, readable by the server only.
async fn give_certificate(
    context: &Context,
    container: &Container,
    certificate: &str,
    key: &str,
) -> Result<()> {
    let what = || container.what("copying a certificate into");
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o400);
        header.set_uid(SERVER_UID);
        archive.append_data(&mut header, name, text.as_bytes()).or_internal(what())?;
    }
    container.unpack(context, TLS_DIR, archive.into_inner().or_internal(what())?).await
}
