//! What a binary embeds as a directory is watched by the build: a file that is added there leads to a new
//! binary. (Files that are embedded one by one the compiler watches itself.)

use std::path::Path;

#[test]
fn each_embedded_directory_is_watched_by_the_build() {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| std::fs::read_to_string(path).expect("readable");
    let build = read(&harness.join("build.rs"));
    let watched: Vec<&str> = build
        .split("rerun-if-changed=")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let mut seen = 0;
    for file in walkdir::WalkDir::new(harness.join("src")).into_iter().flatten() {
        if file.path().extension().is_none_or(|ext| ext != "rs") {
            continue;
        }
        for embedded in read(file.path()).split("include_dir!(\"$CARGO_MANIFEST_DIR/").skip(1) {
            let directory = embedded.split('"').next().unwrap_or_default();
            let is_watched =
                watched.iter().any(|watched| Path::new(directory).starts_with(watched));
            assert!(is_watched, "{directory}, of {}", file.path().display());
            seen += 1;
        }
    }
    assert!(seen > 0, "the test does not see what is embedded any more");
}
