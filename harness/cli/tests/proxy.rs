//! An API server is reached as kubectl reaches it, whatever proxy the environment names.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

/// Answers 503 to every connection; the first bytes of each are received.
fn listener() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let mut bytes = vec![0; 512];
            let read = connection.read(&mut bytes).unwrap_or(0);
            bytes.truncate(read);
            let _ = connection.write_all(b"HTTP/1.1 503 No\r\nconnection: close\r\n\r\n");
            let _ = sender.send(bytes);
        }
    });
    (address, receiver)
}

/// The output of `run --kubeconfig` for a cluster with this server.
fn run(home: &Path, server: &str, proxy: &str, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let kubeconfig = home.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
         clusters: [{{name: x, cluster: {{server: '{server}'}}}}]\n\
         contexts: [{{name: x, context: {{cluster: x}}}}]\n"
    );
    std::fs::write(&kubeconfig, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkproof"));
    for name in ["https_proxy", "no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    let output = command
        .args(["run", "--image", "i", "--strategies", "none", "--kubeconfig"])
        .arg(&kubeconfig)
        .current_dir(home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("HTTPS_PROXY", format!("http://{proxy}"))
        .envs(more.iter().copied())
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_server_of_this_machine_is_reached_without_the_proxy() {
    let home = tempfile::tempdir().expect("temporary directory");
    let ((server, asked), (proxy, passed)) = (listener(), listener());
    let (code, said) = run(home.path(), &format!("https://{server}"), &proxy, &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(asked.try_recv().is_ok(), "the server was not asked: {said}");
    assert!(passed.try_recv().is_err(), "the proxy was asked: {said}");
}

#[test]
fn a_server_elsewhere_is_reached_through_it() {
    let home = tempfile::tempdir().expect("temporary directory");
    let (proxy, passed) = listener();
    let (code, said) = run(home.path(), "https://api.example.invalid:6443", &proxy, &[]);
    assert_eq!(code, Some(3), "{said}");
    let asked = passed.try_recv().expect(&said);
    let asked = String::from_utf8_lossy(&asked).into_owned();
    assert!(asked.starts_with("CONNECT api.example.invalid:6443"), "{asked}");
}

/// As Go and kubectl do: empty and unknown entries are ignored, the others count.
#[test]
fn a_no_proxy_that_kubectl_accepts_ends_no_run() {
    let home = tempfile::tempdir().expect("temporary directory");
    for excluded in ["localhost,", "10.0.0.0/8,,x", "a b", "*.corp,[,300.0.0.1/99"] {
        let (proxy, passed) = listener();
        let excluded = [("NO_PROXY", excluded)];
        let (code, said) = run(home.path(), "https://api.example.invalid:6443", &proxy, &excluded);
        assert_eq!(code, Some(3), "{said}");
        assert!(passed.try_recv().is_ok(), "{excluded:?}: the proxy was not asked: {said}");
    }
}

#[test]
fn a_dead_proxy_is_named_with_its_variable() {
    let home = tempfile::tempdir().expect("temporary directory");
    let (code, said) = run(home.path(), "https://api.example.invalid:6443", "127.0.0.1:1", &[]);
    assert_eq!(code, Some(3), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("HTTPS_PROXY"), "{said}");
}
