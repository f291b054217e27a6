//! A registry that the nodes of a cluster pull from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use sparkproof::context::Context;
use sparkproof::deadlines::IN_NODE;
use sparkproof::engine::Engine;
use sparkproof::error::{Error, ErrorContext, Result};
use sparkproof::exec::Tool;
use sparkproof::testbed::ScenarioContext;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::team::Team;

/// Directory of the registry on the node.
const PLACE: &str = "/var/lib/sparkproof-registry";
/// Name of the Secret for pulling.
pub const PULL: &str = "pull";

/// A registry in the network namespace of a node. The node's runtime reaches it at
/// `127.0.0.1:PORT`, and Docker at the same address through a relay in this process.
pub struct Registry {
    context: Context,
    engine: Engine,
    node: String,
    port: u16,
    pid: String,
    /// A `docker login` file with the right password.
    pub login: TempDir,
    _relay: AbortOnDropHandle<()>,
}

impl Registry {
    /// Builds the registry and starts it on the first node.
    pub async fn start(p: &ScenarioContext) -> Result<Registry> {
        let engine = p.environment.engine.clone();
        let engine = engine.ok_or_else(|| Error::environment("no engine to push from"))?;
        let nodes: Api<Node> = Api::all(p.client().clone());
        let nodes = nodes.list(&ListParams::default()).await.or_environment("listing nodes")?;
        let node = nodes.items.first().ok_or_else(|| Error::environment("no node"))?;
        let addresses = node.status.iter().flat_map(|s| s.addresses.iter().flatten());
        let inner = addresses.clone().find(|a| a.type_ == "InternalIP").map(|a| a.address.clone());
        let inner = inner.unwrap_or_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.or_environment("listening")?;
        let port = listener.local_addr().or_environment("listening")?.port();
        let to = format!("{inner}:{port}").parse::<SocketAddr>().or_environment("an address")?;
        let relay = AbortOnDropHandle::new(tokio::spawn(relay(listener, to)));
        let login = tempfile::tempdir().or_environment("a directory")?;
        let password = format!("{:032x}", rand::random::<u128>());
        let file = docker_config(port, &password).to_string();
        std::fs::write(login.path().join("config.json"), file).or_environment("writing")?;
        let program = built(p, login.path()).await?;
        let node = node.name_any();
        let put = format!(
            "mkdir -p {PLACE}/blobs && cat > {PLACE}/registry && chmod +x {PLACE}/registry"
        );
        let (context, put) = (&p.context, ["sh", "-c", &put]);
        engine.exec(context, &node, &put, Some(&program[..]), IN_NODE).await?;
        let start = format!(
            "cat > {PLACE}/login && {{ {PLACE}/registry 0.0.0.0:{port} {PLACE}/blobs \
             < {PLACE}/login > {PLACE}/log 2>&1 & echo $!; }}"
        );
        let login_line = format!("tester:{password}");
        let (start, login_line) = (["sh", "-c", &start], Some(login_line.as_bytes()));
        let pid = engine.exec(context, &node, &start, login_line, IN_NODE).await?;
        let (pid, context) = (pid.trim().to_owned(), context.clone());
        Ok(Registry { context, engine, node, port, pid, login, _relay: relay })
    }

    /// The prefix of its images' names.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}/team", self.port)
    }

    /// Creates the Secret for pulling.
    pub async fn secret(&self, p: &ScenarioContext, team: &Team<'_>) -> Result<()> {
        let file = std::fs::read_to_string(self.login.path().join("config.json"));
        let file = file.or_environment("reading")?;
        let secret = json!({
            "metadata": { "name": PULL },
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": { ".dockerconfigjson": file },
        });
        let secret: Secret = serde_json::from_value(secret).or_internal("a secret")?;
        let api: Api<Secret> = Api::namespaced(p.client().clone(), &team.namespace);
        let made = api.create(&PostParams::default(), &secret).await;
        made.map(drop).or_environment("making the secret")
    }

    /// Stops it, and removes its content and the images that nodes pulled from it.
    pub async fn end(self) -> Result<()> {
        let end = format!(
            "kill \"$1\"; rm -rf {PLACE}; ctr -n k8s.io images ls -q | \
             grep '^127.0.0.1:{}/' | xargs -r ctr -n k8s.io images rm",
            self.port
        );
        let command = ["sh", "-c", &end, "sh", &self.pid];
        let ended = self.engine.exec(&self.context, &self.node, &command, None::<&[u8]>, IN_NODE);
        ended.await.map(drop)
    }
}

async fn relay(listener: TcpListener, to: SocketAddr) {
    while let Ok((mut one, _)) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(mut other) = TcpStream::connect(to).await {
                let _ = tokio::io::copy_bidirectional(&mut one, &mut other).await;
            }
        });
    }
}

fn docker_config(port: u16, password: &str) -> serde_json::Value {
    let words = base64::engine::general_purpose::STANDARD.encode(format!("tester:{password}"));
    let host = format!("127.0.0.1:{port}");
    json!({ "auths": BTreeMap::from([(host, json!({ "auth": words }))]) })
}

/// Builds the registry's program: the library of a real registry, with a password.
async fn built(p: &ScenarioContext, dir: &Path) -> Result<Vec<u8>> {
    let program = dir.join("registry");
    Tool::new("go")
        .args(["build", "-o"])
        .args([&program])
        .args(["."])
        .env("CGO_ENABLED", "0")
        .dir(concat!(env!("CARGO_MANIFEST_DIR"), "/registry"))
        .run(&p.context)
        .await?;
    std::fs::read(program).or_environment("reading the registry's program")
}
