//! Debian packages as a layer on top of the base of Spark images.

use std::path::PathBuf;
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::engine::is_root;
use sparkproof_machine::exec::Tool;

use super::spark::base;
use super::{Cache, Key, tree};

const SCRIPT: &str = include_str!("../layers/debian.sh");
/// Version of the layout: change it if the same packages give another layer.
const LAYOUT: &str = "1";

/// The cache key of [`debian_layer`].
pub(super) fn key(name: &str, packages: &[&str]) -> Key {
    Key::new(&format!("debian-{name}"))
        .with("script", SCRIPT)
        .with("layout", LAYOUT)
        .with("base", base::key().id())
        .with("packages", packages.join(" "))
}

/// A tar of what these packages of Debian 12, with their dependencies, add to the base of Spark
/// images (`harness/images/spark/base.sh`): new files, and changed ones such as `/etc/ld.so.cache`;
/// without documentation, like the base. From the cache, or installed by apt with the base's mirror
/// and the host's proxies and certificates. `name` is for messages; progress belongs to `phase`.
///
/// # Errors
/// Environment: not root, no package mirror, an unknown package; with apt's last lines.
pub async fn debian_layer(
    context: &Context,
    phase: &str,
    name: &str,
    packages: &[&str],
) -> Result<PathBuf> {
    let base = base::root(context, phase).await?;
    let step = StepGuard::begin(&context.recorder, phase, format!("apt install {name}"));
    let entry = Cache::new(context)
        .entry(context, &key(name, packages), step, async |dir, step| {
            let what = || format!("installing {} on the base of Spark images", packages.join(", "));
            if !is_root() {
                return Err(Error::environment(format!("{} needs root", what()))
                    .remedy("run as root: it mounts and chroots"));
            }
            let (script, root) = (dir.join("debian.sh"), dir.join("root"));
            fs_err::write(&script, SCRIPT).or_environment(what())?;
            let report = step.reporter();
            Tool::bound("unshare")
                .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"])
                .args([&script, &root, &base])
                .args(packages)
                .env("LC_ALL", "C.UTF-8")
                .deadline(Duration::from_secs(900))
                .on_line(move |line| report(line.to_owned()))
                .run(context)
                .await
                .map_err(|e| {
                    Error::environment(what())
                        .with_source(e)
                        .remedy("configure a mirror of Debian 12 that answers")
                })?;
            step.progress("packing new files");
            let layer = dir.join("layer.tar");
            tokio::task::spawn_blocking(move || {
                tree::difference(&base, &root, &layer)?;
                fs_err::remove_dir_all(root)
            })
            .await
            .or_internal(what())?
            .or_environment(what())
        })
        .await?;
    Ok(entry.keep().join("layer.tar"))
}
