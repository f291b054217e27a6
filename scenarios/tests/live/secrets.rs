//! Secrets appear nowhere: not in written files, not in any process's command line.

use std::path::Path;

use scenarios::frame::{Outcome, proof};
use sparkproof::{Error, Result};

/// Files below a directory that contain a text.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    let files =
        walkdir::WalkDir::new(dir).into_iter().flatten().filter(|e| e.file_type().is_file());
    let holds = |path: &Path| {
        std::fs::read(path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
    };
    files
        .map(|e| e.path().to_owned())
        .filter(|p| holds(p))
        .map(|p| p.display().to_string())
        .collect()
}

/// Command lines on this machine that contain a text.
fn command_lines(text: &str) -> Vec<String> {
    let processes = procfs::process::all_processes().into_iter().flatten().flatten();
    processes
        .filter_map(|p| p.cmdline().ok())
        .map(|words| words.join(" "))
        .filter(|line| line.contains(text))
        .collect()
}

fn nowhere(what: &str, found: &[String]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::red(format!("a secret shows in {what}: {}", found.join(", "))))
}

#[tokio::test]
async fn a_canary_shows_nowhere() -> Outcome {
    proof("a_canary_shows_nowhere", async |p| {
        let canary = format!("canary-{}-{}", p.context.run.id(), std::process::id());
        let live = p
            .session()
            .executors(1)
            .conf("spark.hadoop.fs.s3a.secret.key", &canary)
            .start()
            .await?;
        let kubeconfig = std::fs::read_to_string(&live.access().driver_kubeconfig)
            .map_err(|e| Error::environment("reading the driver's kubeconfig").with_source(e))?;
        let kubeconfig: serde_json::Value = serde_json::from_str(&kubeconfig)
            .map_err(|e| Error::internal("the driver's kubeconfig").with_source(e))?;
        let token = kubeconfig["users"][0]["user"]["token"].as_str().unwrap_or_default().to_owned();
        assert!(token.len() > 100, "the driver has a token");
        for secret in [&canary, &token] {
            nowhere("a command line", &command_lines(secret))?;
        }
        // The control: the search finds a secret where it must be.
        let state = holding(p.context.run.dir(), &canary);
        assert!(!state.is_empty(), "the canary is in the driver's private properties");
        let ended = live.stop().await?;
        sparkproof::checks::nothing_left(&p.context, &ended).await?;
        for secret in [&canary, &token] {
            nowhere("the run directory", &holding(p.context.recorder.dir(), secret))?;
        }
        Ok(())
    })
    .await
}
