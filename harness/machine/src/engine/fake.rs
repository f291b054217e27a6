//! A fake Docker daemon for tests, which sends given bytes on a socket.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::Engine;

/// The bytes for a request, and what happens to the connection then. `None` is a 404.
pub type Reply = Option<(Vec<u8>, Then)>;

/// What happens to a connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Closed.
    Closed,
    /// Kept open until the test ends.
    Kept,
    /// Closed when the client sends more, which is not read: the client gets a reset.
    Reset,
}

const PING: &str =
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
const VERSION: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;

/// An answer in JSON.
pub fn json(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Serves at the socket until the test's runtime ends.
pub async fn fake_docker(
    socket: &Path,
    reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> Engine {
    let listener = UnixListener::bind(socket).expect("bound");
    let reply = std::sync::Arc::new(reply);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let reply = reply.clone();
            tokio::spawn(async move { answer(stream, &*reply).await });
        }
    });
    let host = format!("unix://{}", socket.display());
    Engine::at(&host).await.expect("asked").expect("answers")
}

/// Whether head and body of a request are complete: closing a socket with unread data would reset
/// the connection.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

async fn answer(mut stream: UnixStream, reply: &(impl Fn(&str) -> Reply + ?Sized)) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        match stream.read_buf(&mut request).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let (bytes, then) = match request.split_whitespace().nth(1).unwrap_or_default() {
        path if path.ends_with("/_ping") => (PING.as_bytes().to_vec(), Then::Closed),
        path if path.ends_with("/version") => (json(200, VERSION), Then::Closed),
        _ => reply(&request)
            .unwrap_or_else(|| (json(404, r#"{"message":"no such thing"}"#), Then::Closed)),
    };
    let _ = stream.write_all(&bytes).await;
    match then {
        Then::Closed => {}
        Then::Kept => std::future::pending().await,
        Then::Reset => drop(stream.readable().await),
    }
}
