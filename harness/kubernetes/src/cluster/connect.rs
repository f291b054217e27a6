//! Clients from explicit kubeconfigs, never from the user's default one.

use std::path::Path;
use std::time::Duration;

use kube::Client;
use kube::config::{Cluster, Config, ExecAuthCluster, Kubeconfig, NamedCluster};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};

use super::proxy::{Proxy, Via, proxy_here, url_of};

/// A request fails after this time without data from the API server. Longer than a watch, which the
/// server ends after 290 s (kube's `watcher::Config`). Pings each 60 s keep commands in pods alive;
/// a log without data for so long is opened again.
const ANSWER: Duration = Duration::from_secs(300);

/// A client for one context of a kubeconfig, bounded on connect and on each answer
/// (see [`ANSWER`]).
pub async fn client_of(kubeconfig: &Path, context: Option<&str>, via: Via) -> Result<Client> {
    let read = read(kubeconfig)?;
    let contexts = read.contexts.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut config = config_of(read.clone(), context).map_err(|e| {
        Error::input(format!("using the kubeconfig {}", kubeconfig.display()))
            .with_source(e)
            .remedy(format!("its contexts are: {contexts}"))
    })?;
    let proxy = proxy_between(read, context, via)?;
    config.proxy_url = proxy.as_ref().map(url_of).transpose()?;
    bound(&mut config);
    Client::try_from(config).or_environment("making a Kubernetes client")
}

/// kube's configuration for a context of a kubeconfig (the current one for `None`), without the
/// proxy. kube's `Config::from_custom_kubeconfig` reads the environment's proxy each time, and
/// fails with some values of `NO_PROXY` that kubectl accepts.
fn config_of(read: Kubeconfig, context: Option<&str>) -> Result<Config> {
    let wanted = context.map(str::to_owned).or_else(|| read.current_context.clone());
    let wanted = wanted.ok_or_else(|| Error::input("it has no current context"))?;
    let chosen = read.contexts.iter().find(|c| c.name == wanted).and_then(|c| c.context.clone());
    let chosen = chosen.ok_or_else(|| Error::input(format!("it has no context {wanted}")))?;
    // As in client-go, a user that does not exist has no credentials.
    let user = read.auth_infos.iter().find(|user| Some(&user.name) == chosen.user.as_ref());
    let mut user = user.and_then(|user| user.auth_info.clone()).unwrap_or_default();
    let named = cluster_of(read, Some(&wanted)).and_then(|named| named.cluster);
    let cluster =
        named.ok_or_else(|| Error::input(format!("it has no cluster {}", chosen.cluster)))?;
    let server = cluster.server.as_deref();
    let server = server.ok_or_else(|| Error::input("its cluster has no server"))?;
    let mut config = Config::new(server.parse().or_input(format!("the server {server}"))?);
    // A credential plugin gets the cluster's description with the certificates as data.
    let described =
        ExecAuthCluster::try_from(&cluster).or_input("reading certificate-authority")?;
    if let Some(pem) = &described.certificate_authority_data {
        let certificates = CertificateDer::pem_slice_iter(pem).map(|der| der.map(|d| d.to_vec()));
        let certificates: std::result::Result<_, _> = certificates.collect();
        config.root_cert = Some(certificates.or_input("reading certificate-authority")?);
    }
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(described);
    }
    config.auth_info = user;
    config.default_namespace = chosen.namespace.unwrap_or(config.default_namespace);
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name;
    Ok(config)
}

fn bound(config: &mut Config) {
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(ANSWER);
    // The idle time of a pooled connection does not count.
    config.reset_reader_on_write = true;
}

/// The proxy that a child process needs to reach the server of a kubeconfig's context, as a URL.
pub fn proxy_towards(kubeconfig: &Path, context: Option<&str>, via: Via) -> Result<Option<String>> {
    Ok(proxy_between(read(kubeconfig)?, context, via)?.map(|proxy| proxy.url))
}

/// The proxy between this machine and the server of a kubeconfig's context.
fn proxy_between(read: Kubeconfig, context: Option<&str>, via: Via) -> Result<Option<Proxy>> {
    if via == Via::Direct {
        return Ok(None);
    }
    let cluster = cluster_of(read, context).and_then(|named| named.cluster);
    let Some(Cluster { server: Some(server), proxy_url, .. }) = cluster else { return Ok(None) };
    let uri = server.parse().or_input(format!("the server address {server}"))?;
    Ok(proxy_here(&uri, proxy_url.as_deref()))
}

fn read(kubeconfig: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(kubeconfig)
        .or_input(format!("reading the kubeconfig {}", kubeconfig.display()))
}

/// The cluster that a context of a kubeconfig (its current one for `None`) names.
pub fn cluster_of(read: Kubeconfig, context: Option<&str>) -> Option<NamedCluster> {
    let wanted = context.map(str::to_owned).or(read.current_context)?;
    let named = read.contexts.into_iter().find(|c| c.name == wanted)?;
    let cluster = named.context?.cluster;
    read.clusters.into_iter().find(|c| c.name == cluster)
}

/// Asks the API server for its version, within 10 s.
///
/// # Errors
/// Environment: it is unreachable.
pub async fn answers(
    context: &Context,
    client: &Client,
    (kubeconfig, kube_context): (&Path, Option<&str>),
    via: Via,
) -> Result<String> {
    let version = async {
        tokio::time::timeout(Duration::from_secs(10), client.apiserver_version())
            .await
            .map_err(|_| Error::environment("no answer within 10 s"))?
            .or_environment("asking for its version")
    };
    let error = match context.cancel.guard(version).await {
        Ok(version) => return Ok(version.git_version),
        Err(error) if error.is_interruption() => return Err(error),
        Err(error) => error,
    };
    let cluster = format!("the cluster of {} does not answer", kubeconfig.display());
    Err(match proxy_between(read(kubeconfig)?, kube_context, via)? {
        Some(Proxy { named_by, .. }) => Error::environment(format!(
            "{cluster} through the proxy that {named_by} names: {error}"
        ))
        .remedy(match named_by {
            "proxy-url" => "check the proxy, or correct proxy-url in the kubeconfig".to_owned(),
            _ => format!("check the proxy, correct {named_by}, or have NO_PROXY name the server"),
        }),
        None => Error::environment(format!("{cluster}: {error}"))
            .remedy("check that it runs and that this machine can reach it (kubectl cluster-info)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As kube itself reads a kubeconfig, which it does where the environment names no proxy.
    #[tokio::test]
    async fn a_context_is_read_as_kube_reads_it() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let authority = rcgen::generate_simple_self_signed(["x.test".to_owned()]).expect("made");
        std::fs::write(keep.path().join("ca.pem"), authority.cert.pem()).expect("written");
        let text = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "other",
            "clusters": [{ "name": "c", "cluster": {
                "server": "https://127.0.0.1:6443", "certificate-authority": "ca.pem",
                "tls-server-name": "x.test", "insecure-skip-tls-verify": true,
                "disable-compression": true } }],
            "contexts": [{ "name": "mine",
                "context": { "cluster": "c", "user": "u", "namespace": "team" } }],
            "users": [{ "name": "u", "user": { "token": "t", "exec": {
                "command": "helper", "provideClusterInfo": true } } }],
        });
        let path = keep.path().join("kubeconfig");
        std::fs::write(&path, text.to_string()).expect("written");
        let read = read(&path).expect("read");
        let ours = config_of(read.clone(), Some("mine")).expect("a configuration");
        let options = kube::config::KubeConfigOptions {
            context: Some("mine".to_owned()),
            ..Default::default()
        };
        let certificates = ours.root_cert.as_ref().map(Vec::len);
        let exec = ours.auth_info.exec.as_ref().and_then(|exec| exec.cluster.as_ref());
        assert!(certificates == Some(1) && exec.is_some(), "{certificates:?}");
        // A machine behind a proxy, whose variables kube may not read.
        if let Ok(mut kubes) = Config::from_custom_kubeconfig(read, &options).await {
            kubes.proxy_url = None;
            assert_eq!(format!("{ours:?}"), format!("{kubes:?}"));
        }
        let error = config_of(Kubeconfig::read_from(&path).expect("read"), None).expect_err("none");
        assert_eq!(error.to_string(), "it has no context other");
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_answer_is_named_by_what_names_it() {
        let (context, keep) = sparkproof_base::testing::test_context();
        let text = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "c", "cluster": {
                "server": "https://api.example.invalid:6443",
                "proxy-url": "http://me:secret@127.0.0.1:1" } }],
            "contexts": [{ "name": "c", "context": { "cluster": "c" } }],
        });
        let path = keep.path().join("kubeconfig");
        std::fs::write(&path, text.to_string()).expect("written");
        let via = Via::AsKubectl;
        let client = client_of(&path, None, via).await.expect("a client");
        let error = answers(&context, &client, (&path, None), via).await.expect_err("no proxy");
        let message = error.summary();
        assert!(error.to_string().contains("the proxy that proxy-url names"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }

    /// An API server that accepts a request and never answers.
    #[tokio::test]
    async fn a_silent_api_server_fails_a_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut config = Config::new(format!("http://{address}").parse().expect("a URL"));
        bound(&mut config);
        assert_eq!(config.read_timeout, Some(ANSWER));
        config.read_timeout = Some(Duration::from_millis(50));
        let client = Client::try_from(config).expect("a client");
        let asked = tokio::time::timeout(Duration::from_secs(20), client.apiserver_version());
        let error = asked.await.expect("bounded").expect_err("silent");
        drop(listener);
        assert!(matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_)), "{error:?}");
    }
}
