//! What scenarios share: the frame, and how a red is expected.

use sparkproof::Error;

/// What a scenario returns; its message is what nextest prints.
pub(crate) type Outcome = miette::Result<()>;

/// Runs a scenario in its frame.
pub(crate) async fn proof(
    name: &str,
    body: impl AsyncFnOnce(&sparkproof::proof::Proof) -> sparkproof::Result<()>,
) -> Outcome {
    sparkproof::proof::scenario(name, body).await.map_err(miette::Report::new)
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
