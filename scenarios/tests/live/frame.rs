//! What scenarios share: the frame, and how a red is expected.

use sparkproof::proof::{Ending, Live, Proof};
use sparkproof::{Error, checks};

/// What a scenario returns; its message is what nextest prints.
pub(crate) type Outcome = miette::Result<()>;

/// Runs a scenario in its frame.
pub(crate) async fn proof(
    name: &str,
    body: impl AsyncFnOnce(&Proof) -> sparkproof::Result<()>,
) -> Outcome {
    sparkproof::proof::scenario(name, body).await.map_err(miette::Report::new)
}

/// What every session is: its pods as the snapshot shows them, a task on each executor, and an end
/// that leaves what that ending leaves.
pub(crate) async fn lives_and_ends(
    p: &Proof,
    mut live: Live,
    ending: Ending,
) -> sparkproof::Result<()> {
    checks::pod_list(&p.context, &live).await?;
    checks::owned_by_driver(&p.context, &live).await?;
    checks::barrier(&p.context, &mut live).await?;
    match ending {
        Ending::Stopped => {
            let ended = live.stop().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        Ending::Exited => {
            let ended = live.exit_without_stop().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        Ending::Disconnected => {
            let ended = live.disconnect().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        Ending::HungUp => {
            let ended = live.hang_up().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        Ending::Killed => {
            let ended = live.kill().await?;
            checks::executors_stay_after_kill(&p.context, &ended).await
        }
        Ending::Collected => Err(Error::internal("the driver of a session is no pod")),
    }
}

/// A negative control: it must be red, and its words must name the reason.
pub(crate) fn expect_red<T>(
    result: sparkproof::Result<T>,
    reasons: &[&str],
) -> sparkproof::Result<String> {
    let Err(error) = result else {
        return Err(Error::red("a negative control came out green"));
    };
    if error.is_interruption() {
        return Err(error);
    }
    let text = error.to_string();
    match reasons.iter().find(|reason| !text.contains(**reason)) {
        None => Ok(text),
        Some(missing) => {
            Err(Error::red(format!("red, but `{missing}` is not named as the reason: {text}")))
        }
    }
}

/// Compares with a reviewed snapshot in `snapshots/`.
macro_rules! assert_snapshot_of {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!($name, $text);
        });
    };
}
pub(crate) use assert_snapshot_of;
