//! Images: a layer written and hashed, and a thin archive of it.

use std::hint::black_box;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use sparkproof_images::{Entry, Layer, Saved};

use crate::Call;

fn entries(dir: &Path, mebibytes: usize) -> Vec<(String, Entry)> {
    let file = |number: usize| {
        let path = dir.join(format!("{number}.jar"));
        // Not compressible, not alike.
        let mut state = number as u64 + 1;
        let bytes = (0..1 << 17).flat_map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_le_bytes()
        });
        std::fs::write(&path, bytes.collect::<Vec<u8>>()).expect("written");
        (format!("/opt/spark/jars/{number}.jar"), Entry::file(path, 0o644))
    };
    (0..mebibytes).map(file).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

/// A layer of files of one MiB each.
pub(crate) fn layer(mebibytes: usize) -> Call {
    let dir = tempfile::tempdir().expect("a directory");
    let (entries, runtime) = (entries(dir.path(), mebibytes), runtime());
    Box::new(move || {
        // Keeps the files.
        let _ = dir.path();
        let layer = runtime.block_on(Layer::of_entries(entries.clone())).expect("hashed");
        assert!(black_box(layer).size() > 0);
    })
}

/// A saved image with one layer on top, which alone is written.
pub(crate) fn archive(mebibytes: usize) -> Call {
    let dir = tempfile::tempdir().expect("a directory");
    let layer = runtime().block_on(Layer::of_entries(entries(dir.path(), mebibytes)));
    let saved = Saved::index(&saved(dir.path())).expect("indexed");
    let saved = saved.with(&[layer.expect("hashed")]).expect("extended");
    Box::new(move || {
        let _ = dir.path();
        let mut written = Counting(0);
        saved.write("docker.io/library/x:1", 1, None, &mut written).expect("written");
        assert!(black_box(written.0) > mebibytes << 20);
    })
}

/// The output of `docker save` for an image of one small layer.
fn saved(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("saved.tar");
    let file = std::fs::File::create(&path).expect("created");
    let mut archive = tar::Builder::new(file);
    let mut put = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).expect("written");
    };
    let config = json!({"rootfs": {"diff_ids": [format!("sha256:{}", "00".repeat(32))]}});
    let manifest = json!([{"Config": "c.json", "Layers": ["a/layer.tar"]}]);
    put("a/layer.tar", b"a layer");
    put("c.json", config.to_string().as_bytes());
    put("manifest.json", manifest.to_string().as_bytes());
    archive.finish().expect("written");
    path
}

/// Counts bytes.
struct Counting(usize);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
