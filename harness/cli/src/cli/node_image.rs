//! `sparkproof node-image`.

use sparkproof_base::error::{Exit, Result};
use sparkproof_catalog::kubernetes::KubernetesRelease;
use sparkproof_images::node::build_node_image;
use sparkproof_report::Mode;

use super::runner::{Request, with_run};

/// Pull or assemble the node image alone; print its reference, digest and size.
#[derive(Debug, clap::Args)]
pub(super) struct NodeImageArgs {
    /// Kubernetes version of the node, e.g. v1.34.11 [default: the pinned one]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// Install missing packages
    #[arg(long)]
    yes: bool,
}

/// Puts the image into the engine's store and its parts into the cache.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn run(args: NodeImageArgs, mode: Mode) -> Result<Exit> {
    let release = KubernetesRelease::resolve(args.kubernetes_version.as_deref())?;
    let title = format!("node image · Kubernetes {}", release.version);
    let request = Request::without_plan(mode, title);
    let mut made = None;
    let exit = with_run(request, async |context, held| {
        let engine = held.find_or_start(context, args.yes).await?;
        let phase = context.recorder.phase("node");
        let built = build_node_image(context, &phase, &engine, &release).await;
        let image = phase.end(built, |image| image.reference.clone())?;
        context.recorder.fact("node image", image.reference.clone());
        context.recorder.fact("node image digest", image.digest.clone());
        made = Some(image);
        Ok(())
    })
    .await?;
    if let (Some(image), false) = (made, matches!(mode, Mode::Json)) {
        println!("{}\n{}\n{} MB", image.reference, image.digest, image.size / 1_000_000);
    }
    Ok(exit)
}
