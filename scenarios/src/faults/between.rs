//! A server between a driver and the API server that spoils some answers. What it passes on goes to the real
//! API server, by a client with the account's token. It speaks HTTP without TLS, on loopback.

use std::net::Ipv4Addr;
use std::path::Path;

use futures::{AsyncBufReadExt, StreamExt};
use http::Request;
use serde_json::json;
use sparkproof::cluster::{Via, client_of};
use sparkproof::error::{ErrorContext, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meddling {
    /// Answers each request for a new pod with 429, as API priority and fairness does.
    Throttles,
    /// Ends each watch with 410: the version that it began at is gone from etcd.
    Expires,
    /// It is a proxy that wants a password: 407.
    WantsPassword,
}

/// Its socket.
#[derive(Debug)]
pub struct Between {
    listener: TcpListener,
    /// Its port.
    pub port: u16,
}

/// One request of a driver.
struct Asked {
    method: String,
    path: String,
    content_type: String,
    websocket: bool,
    body: Vec<u8>,
}

impl Between {
    /// Listens at a free port.
    pub async fn listen() -> Result<Between> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.or_environment("listening on loopback")?;
        let port = listener.local_addr().or_environment("its port")?.port();
        Ok(Between { listener, port })
    }

    /// Serves until the value is dropped.
    pub async fn serve(self, kubeconfig: &Path, what: Meddling) -> Result<JoinSet<()>> {
        let client = client_of(kubeconfig, None, Via::Direct).await?;
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = self.listener.accept().await {
                let client = client.clone();
                // A driver that hangs up is no fault of this server.
                open.spawn(async move { drop(answer(stream, client, what).await) });
            }
        });
        Ok(serving)
    }
}

async fn answer(stream: TcpStream, client: kube::Client, what: Meddling) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let asked = read(&mut stream).await?;
    let (creates, watches) = (asked.method == "POST", asked.path.contains("watch=true"));
    let pods = asked.path.split('?').next().is_some_and(|path| path.ends_with("/pods"));
    match what {
        Meddling::WantsPassword => {
            let realm = "Proxy-Authenticate: Basic realm=\"team\"\r\n";
            write(&mut stream, 407, realm, "").await
        }
        Meddling::Throttles if creates && pods => {
            let text = status(429, "TooManyRequests", "too many requests, please try again later");
            write(&mut stream, 429, "Retry-After: 1\r\n", &text).await
        }
        // Its client then watches by a plain request.
        _ if asked.websocket => write(&mut stream, 200, "", "").await,
        Meddling::Expires if watches => {
            let gone = status(410, "Expired", "too old resource version: 1 (2)");
            let event = format!("{{\"type\":\"ERROR\",\"object\":{gone}}}\n");
            write(&mut stream, 200, "", &event).await
        }
        _ if watches => follow(&mut stream, &client, asked).await,
        _ => pass(&mut stream, &client, asked).await,
    }
}

async fn read(stream: &mut BufStream<TcpStream>) -> std::io::Result<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut websocket, mut content_type) = (0, false, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            "content-type" => value.trim().clone_into(&mut content_type),
            "upgrade" => websocket = value.trim().eq_ignore_ascii_case("websocket"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Asked { method, path, content_type, websocket, body })
}

impl Asked {
    fn request(self) -> std::io::Result<Request<Vec<u8>>> {
        let request = Request::builder().method(&*self.method).uri(&self.path);
        let request = match self.content_type.as_str() {
            "" => request,
            kind => request.header("Content-Type", kind),
        };
        request.body(self.body).map_err(std::io::Error::other)
    }
}

/// A whole answer of the API server.
async fn pass(
    stream: &mut BufStream<TcpStream>,
    client: &kube::Client,
    asked: Asked,
) -> std::io::Result<()> {
    let created = asked.method == "POST";
    match client.request_text(asked.request()?).await {
        Ok(text) => write(stream, if created { 201 } else { 200 }, "", &text).await,
        Err(kube::Error::Api(status)) => {
            let text = serde_json::to_string(&status).map_err(std::io::Error::other)?;
            write(stream, status.code, "", &text).await
        }
        Err(error) => write(stream, 502, "", &error.to_string()).await,
    }
}

/// The events of a watch, until either side ends it.
async fn follow(
    stream: &mut BufStream<TcpStream>,
    client: &kube::Client,
    asked: Asked,
) -> std::io::Result<()> {
    let events = client.request_stream(asked.request()?).await.map_err(std::io::Error::other)?;
    let mut events = Box::pin(events).lines();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    while let Some(event) = events.next().await {
        stream.write_all(format!("{}\n", event?).as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

async fn write(
    stream: &mut BufStream<TcpStream>,
    code: u16,
    headers: &str,
    body: &str,
) -> std::io::Result<()> {
    let reason = http::StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason());
    let reason = reason.unwrap_or_default();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {code} {reason}\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await
}

fn status(code: u16, reason: &str, message: &str) -> String {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first line and the last of an answer. The API server behind it does not exist.
    async fn asked(what: Meddling, request: &str) -> (String, String) {
        let dir = tempfile::tempdir().expect("a directory");
        let config = dir.path().join("config");
        let yaml = "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n\
                    users: [{name: u, user: {token: t}}]\n\
                    contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n";
        std::fs::write(&config, yaml).expect("written");
        let between = Between::listen().await.expect("listens");
        let port = between.port;
        let _serving = between.serve(&config, what).await.expect("serves");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let first = answer.lines().next().unwrap_or_default();
        (first.to_owned(), answer.lines().last().unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn it_spoils_what_it_is_for_and_passes_on_the_rest() {
        let create =
            "POST /api/v1/namespaces/n/pods HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}".to_owned();
        let watch = "GET /api/v1/namespaces/n/pods?watch=true HTTP/1.1\r\n\r\n";
        let (first, last) = asked(Meddling::Throttles, &create).await;
        assert_eq!(first, "HTTP/1.1 429 Too Many Requests");
        assert!(last.contains("TooManyRequests"), "{last}");
        let (first, last) = asked(Meddling::Expires, watch).await;
        assert_eq!(first, "HTTP/1.1 200 OK");
        assert!(last.contains(r#""type":"ERROR""#) && last.contains("too old"), "{last}");
        let websocket = watch.replace("1.1\r\n", "1.1\r\nUpgrade: websocket\r\n");
        assert_eq!(asked(Meddling::Expires, &websocket).await.0, "HTTP/1.1 200 OK");
        let (first, _) = asked(Meddling::WantsPassword, "CONNECT api:6443 HTTP/1.1\r\n\r\n").await;
        assert_eq!(first, "HTTP/1.1 407 Proxy Authentication Required");
        // The request goes on to an API server that is not there.
        assert_eq!(asked(Meddling::Expires, &create).await.0, "HTTP/1.1 502 Bad Gateway");
    }
}
