//! The guide "Geni on Kubernetes", typed as it is written, with its mistakes, and typed as corrected.
//!
//! The steps and the mistakes are in `harness/catalog/guide/guide.toml`, from which docs/guide-errata.md
//! is generated. A mistake that is listed for a step must occur there: the list as written is the live
//! control of the answers' judgement.

use rstest::rstest;
use scenarios::assert_snapshot_of;
use scenarios::frame::Outcome;
use scenarios::geni::with_geni;
use sparkproof::catalog::List;
use sparkproof::flow::{GuideTyping, no_transcript};

#[rstest]
#[case::as_written(List::AsWritten)]
#[case::corrected(List::Corrected)]
#[tokio::test]
async fn the_guide_is_typed(#[case] list: List) -> Outcome {
    let name = format!("the_guide_is_typed_{}", list.name().replace('-', "_"));
    with_geni(&name, async |p, geni| {
        if let Some(reason) = no_transcript(p) {
            p.skip(&reason);
            return Ok(());
        }
        let snapshot = format!("guide_{}_geni_{}", list.name(), geni.version);
        let transcript = GuideTyping::on(p).type_list(list, geni).await?;
        assert_snapshot_of!(snapshot, transcript.to_string());
        Ok(())
    })
    .await
}
