//! Helpers for unit tests of all crates.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::context::{Cancel, Context, Installs};
use crate::dirs::Dirs;
use crate::events::{Recorder, Secrets, Silent};
use crate::ledger::{Run, Scope};

/// A context in a temporary directory, for unit tests.
pub fn test_context() -> (Context, tempfile::TempDir) {
    let keep = tempfile::tempdir().expect("temporary directory");
    let dirs = Dirs::at(keep.path().join("state"), keep.path().join("cache")).expect("directories");
    let recorder = Recorder::open(&keep.path().join("run"), Secrets::default(), Box::new(Silent));
    let context = Context {
        run: std::sync::Arc::new(Run::begin(&dirs, Scope::Run).expect("run")),
        dirs,
        recorder: recorder.expect("recorder"),
        cancel: Cancel::default(),
        installs: Installs::default(),
    };
    (context, keep)
}

/// The address of an HTTP server, whose status and text for a path this decides.
pub fn server(answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = [0; 1024];
            let read = connection.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]);
            let (status, text) = answer(request.split(' ').nth(1).unwrap_or_default());
            let head = format!("HTTP/1.1 {status} \r\nconnection: close\r\ncontent-length:");
            let _ = write!(connection, "{head} {}\r\n\r\n{text}", text.len());
        }
    });
    address
}
