use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sparkproof_base::ledger::labels::{self, KIND_CLUSTER, MINIKUBE_NODE, RUN};
use sparkproof_base::ledger::{Run, Scope};
use sparkproof_base::testing::test_context;
use sparkproof_machine::engine::fake::{Then, fake_docker, json as answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;

#[tokio::test]
async fn a_path_goes_only_when_it_carries_the_run_id() {
    let (context, keep) = test_context();
    let ours = keep.path().join(format!("data-{}", context.run.id()));
    let other = keep.path().join("data");
    for path in [&ours, &other] {
        std::fs::create_dir_all(path.join("in")).expect("made");
        let owned = OwnedResource::Path { path: path.clone() };
        context.run.record(owned.clone()).expect("written");
        assert_eq!(release(&context, &owned).await.is_ok(), path == &ours);
    }
    assert!(!ours.exists() && other.exists());
    assert_eq!(context.run.owned(), [OwnedResource::Path { path: other }]);
}

#[tokio::test]
async fn a_process_that_is_another_by_now_is_left_alone() {
    let (context, _keep) = test_context();
    let mut child = tokio::process::Command::new("sleep")
        .arg("600")
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .expect("sleep");
    let pid = child.id().expect("running");
    let Some(OwnedResource::Process { started, boot, name, .. }) =
        OwnedResource::process(pid, "sleep")
    else {
        panic!("it runs")
    };
    let earlier = OwnedResource::Process { pid, started: started - 1, boot: boot.clone(), name };
    release(&context, &earlier).await.expect("nothing to do");
    assert!(child.try_wait().expect("known").is_none(), "another process with that id lives");
    let other_boot =
        OwnedResource::Process { pid, started, boot: "another".into(), name: "sleep".into() };
    release(&context, &other_boot).await.expect("nothing to do");
    assert!(child.try_wait().expect("known").is_none());
    let owned = OwnedResource::Process { pid, started, boot, name: "sleep".into() };
    release(&context, &owned).await.expect("ended");
    assert!(!owned.is_running_process());
}

/// A Docker daemon with these answers by path, without the version of the API; what was deleted.
fn docker(dir: &Path, answers: Vec<(&'static str, Vec<u8>)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let socket = dir.join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    let answers: Arc<HashMap<&str, Vec<u8>>> = Arc::new(answers.into_iter().collect());
    let deleted = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&deleted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&noted)));
        }
    });
    (format!("unix://{}", socket.display()), deleted)
}

async fn serve(
    mut stream: UnixStream,
    answers: Arc<HashMap<&'static str, Vec<u8>>>,
    deleted: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut request)).into_owned();
        let mut words = text.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.split('?').next().unwrap_or_default();
        let path = match path.strip_prefix("/v1.") {
            Some(rest) => rest.find('/').map_or("", |at| &rest[at..]),
            None => path,
        };
        let version = json!({ "ApiVersion": "1.41", "Version": "20.10" }).to_string();
        let (status, body) = match (method, path) {
            ("DELETE", _) => {
                deleted.lock().expect("noted").push(path.to_owned());
                ("204 No Content", Vec::new())
            }
            (_, "/_ping") => ("200 OK", b"OK".to_vec()),
            (_, "/version") => ("200 OK", version.into_bytes()),
            _ => match answers.get(path) {
                Some(body) => ("200 OK", body.clone()),
                None => ("404 Not Found", json!({ "message": "none" }).to_string().into_bytes()),
            },
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        let written = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        written.expect("answered");
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A Minikube network and a volume of the name `dev`, without a container.
fn storage_and_network() -> Vec<(&'static str, Vec<u8>)> {
    let network = json!({ "Name": "dev", "Id": "1a", "Labels": { MINIKUBE_NODE: "dev" } });
    let volume = json!({ "Name": "dev", "Driver": "local", "Mountpoint": "/", "Labels": {},
                         "Scope": "local", "Options": {} });
    vec![
        ("/containers/json", bytes(&json!([]))),
        ("/networks/dev", bytes(&network)),
        ("/volumes", bytes(&json!({ "Volumes": [volume] }))),
    ]
}

#[tokio::test]
async fn storage_of_a_minikube_profile_goes_without_a_node_only_when_the_run_had_begun_on_one() {
    for (begun, expected) in [(false, vec![]), (true, vec!["/networks/dev", "/volumes/dev"])] {
        let (context, keep) = dev().await;
        if begun {
            let machine =
                context.run.dir().join(minikube_profile::HOME).join(".minikube/machines/dev");
            std::fs::create_dir_all(&machine).expect("made");
        }
        let (host, deleted) = docker(keep.path(), storage_and_network());
        let cluster = OwnedResource::MinikubeCluster { docker: host, name: "dev".to_owned() };
        context.run.record(cluster.clone()).expect("written");
        let said = try_release(&context, &cluster).await.expect("looked").unwrap_or_default();
        assert_eq!(said.contains("volume dev, network dev: not of run dev"), !begun, "{said}");
        assert_eq!(*deleted.lock().expect("noted"), expected, "{begun}");
    }
}

/// The context of `down --name dev`.
async fn dev() -> (Context, tempfile::TempDir) {
    let (context, keep) = test_context();
    let name = "dev".parse().expect("a name");
    let run = Run::begin_as(&context.dirs, Scope::User, &name).await.expect("run");
    (Context { run: Arc::new(run), ..context }, keep)
}

/// `down` with one state directory, of what `up` with another one made under the same name.
#[tokio::test]
async fn what_a_run_of_the_same_name_in_another_state_directory_made_is_left_alone() {
    let ((ours, keep), (other, _keep)) = (dev().await, dev().await);
    for (run, expected) in
        [(&other.run, vec![]), (&ours.run, vec!["/containers/sparkproof-dev-s3", "/networks/dev"])]
    {
        let labels = labels::docker(run.label(), labels::Lifetime::User);
        let container = json!({ "Id": "2b", "Config": { "Labels": labels } });
        let network = json!({ "Name": "dev", "Id": "1a", "Labels": labels });
        let dir = keep.path().join(run.label().as_str());
        std::fs::create_dir(&dir).expect("made");
        let (docker, deleted) = docker(
            &dir,
            vec![
                ("/containers/sparkproof-dev-s3/json", bytes(&container)),
                ("/containers/json", bytes(&json!([]))),
                ("/networks/dev", bytes(&network)),
            ],
        );
        let container =
            OwnedResource::Container { docker: docker.clone(), name: "sparkproof-dev-s3".into() };
        for owned in [container, OwnedResource::Network { docker, name: "dev".into() }] {
            ours.run.record(owned.clone()).expect("written");
            release(&ours, &owned).await.expect("nothing of ours is left");
        }
        assert_eq!(*deleted.lock().expect("noted"), expected, "{}", run.label());
        assert!(ours.run.owned().is_empty());
    }
}

#[tokio::test]
async fn a_kind_cluster_that_a_user_made_later_under_the_same_name_is_left_alone() {
    for (network, id, expected) in [
        ("kind", "2b", vec!["/networks/dev"]),
        ("dev", "1a", vec!["/containers/dev-control-plane", "/networks/dev"]),
    ] {
        let (context, keep) = dev().await;
        let node = json!([{
            "Names": ["/dev-control-plane"], "Labels": { KIND_CLUSTER: "dev" },
            "NetworkSettings": { "Networks": { network: { "NetworkID": id } } },
        }]);
        let ours =
            json!({ "Name": "dev", "Id": "1a", "Labels": { RUN: context.run.label().as_str() } });
        let answers = vec![("/containers/json", bytes(&node)), ("/networks/dev", bytes(&ours))];
        let (host, deleted) = docker(keep.path(), answers);
        let (docker, name) = (host.clone(), "dev".to_owned());
        let cluster = OwnedResource::KindCluster { docker, name: name.clone() };
        let made = OwnedResource::Network { docker: host, name };
        for owned in [&made, &cluster] {
            context.run.record(owned.clone()).expect("written");
        }
        let why = try_release(&context, &cluster).await.expect("looked");
        let said = why.unwrap_or_default();
        assert_eq!(said.contains("dev-control-plane: not of run dev"), network == "kind", "{said}");
        release(&context, &made).await.expect("removed");
        let mut deleted = deleted.lock().expect("noted").clone();
        // The mock shows a node that is removed with its cluster to the network's removal, too.
        deleted.dedup();
        assert_eq!(deleted, expected, "{network}");
        assert!(context.run.owned().is_empty());
    }
}

#[tokio::test]
async fn a_minikube_profile_that_a_user_made_later_under_the_same_name_is_left_alone() {
    for (key, expected) in [
        ("ssh-rsa AAAA2\n", vec![]),
        ("ssh-rsa AAAA1\n", vec!["/containers/dev", "/networks/dev", "/volumes/dev"]),
    ] {
        let (context, keep) = dev().await;
        let machine = context.run.dir().join(minikube_profile::HOME).join(".minikube/machines/dev");
        std::fs::create_dir_all(&machine).expect("made");
        std::fs::write(machine.join("id_rsa.pub"), "ssh-rsa AAAA1\n").expect("written");
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(key.len() as u64);
        archive.append_data(&mut header, "authorized_keys", key.as_bytes()).expect("packed");
        let node = json!([{ "Names": ["/dev"], "Labels": { MINIKUBE_NODE: "dev" } }]);
        let network = json!({ "Name": "dev", "Id": "1a", "Labels": { MINIKUBE_NODE: "dev" } });
        let volume = json!({ "Name": "dev", "Driver": "local", "Mountpoint": "/", "Labels": {},
                             "Scope": "local", "Options": {} });
        let (host, deleted) = docker(
            keep.path(),
            vec![
                ("/containers/json", bytes(&node)),
                ("/containers/dev/archive", archive.into_inner().expect("packed")),
                ("/networks/dev", bytes(&network)),
                ("/volumes", bytes(&json!({ "Volumes": [volume] }))),
            ],
        );
        let cluster = OwnedResource::MinikubeCluster { docker: host, name: "dev".to_owned() };
        context.run.record(cluster.clone()).expect("written");
        let said = try_release(&context, &cluster).await.expect("looked").unwrap_or_default();
        assert_eq!(said.contains("dev: not of run dev"), expected.is_empty(), "{said}");
        assert_eq!(*deleted.lock().expect("noted"), expected, "{key}");
    }
}

async fn give_back_with_a_daemon_that_says(status: u16) -> (Result<()>, usize) {
    let (context, keep) = test_context();
    let socket = keep.path().join("docker.sock");
    let said = answer(status, r#"{"message":"as the test says"}"#);
    let engine = fake_docker(&socket, move |_| Some((said.clone(), Then::Closed))).await;
    let path = format!("/var/tmp/sparkproof-{}", context.run.id()).into();
    let owned = OwnedResource::NodePath { docker: engine.host, node: "node".into(), path };
    context.run.record(owned.clone()).expect("written");
    (release(&context, &owned).await, context.run.owned().len())
}

#[tokio::test]
async fn a_path_of_a_node_that_is_gone_is_gone() {
    let (given, owned) = give_back_with_a_daemon_that_says(404).await;
    assert!(given.is_ok() && owned == 0);
}

#[tokio::test]
async fn a_path_of_a_node_that_could_not_be_looked_at_stays_in_the_ledger() {
    let (given, owned) = give_back_with_a_daemon_that_says(500).await;
    assert!(given.is_err() && owned == 1, "the path may be there still");
}
