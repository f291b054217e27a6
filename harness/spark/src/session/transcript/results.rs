//! The results of a list's steps, as snapshots have them.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use sparkproof_catalog::guide;
use sparkproof_judge::StepVerdict;

/// Filters for what differs between runs and proves nothing.
static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let of = |(from, to)| (Regex::new(from).expect("valid"), to);
    vec![
        // kubelet switches between the two.
        of((r"ErrImagePull|ImagePullBackOff", "[NO IMAGE]")),
        // The node had room for any of the three.
        of((r"-[0-9a-f]{16}-exec-\d+", "-[APP]-exec-[N]")),
        of((r"/[^\s':]+/(jars|bin)/", "[SPARK_HOME]/$1/")),
        of((r"\bspark-[0-9a-f]{8}\b", "[NAMESPACE]")),
        of((r"https://[^\s'/]+", "https://[SERVER]")),
        // The groups of kind and of Minikube.
        of(("kubeadm:cluster-admins|system:masters", "[ADMINISTRATORS]")),
        of((r"@0x[0-9a-f]+|@[0-9a-f]{6,8}\b|0x[0-9a-f]{6,}", "[HASH]")),
        of((r"\b\d+(m\d+)?(ms|s|m)\b", "[AGE]")),
        of((r"\s{2,}", " ")),
    ]
});

/// A step with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The step's id.
    pub step: String,
    /// Its result.
    pub verdict: StepVerdict,
}

/// All steps of a list, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript(pub Vec<Heard>);

/// The filtered text, as snapshots have it.
fn filtered(text: &str) -> String {
    let filters = FILTERS.iter();
    filters.fold(text.to_owned(), |text, (from, to)| from.replace_all(&text, *to).into_owned())
}

fn remedy(erratum: &str) -> &'static str {
    guide().erratum(erratum).map_or("none", |erratum| &erratum.remedy)
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Heard { step, verdict } in &self.0 {
            match verdict {
                StepVerdict::Kept => writeln!(f, "{step}: as promised")?,
                StepVerdict::NotTyped(_) => writeln!(f, "{step}: not typed")?,
                StepVerdict::OfMachine(erratum) => {
                    writeln!(f, "{step}: {erratum}, or as promised on a larger node")?;
                    writeln!(f, "    remedy: {}", remedy(erratum))?;
                }
                StepVerdict::Met { erratum, line } => {
                    writeln!(f, "{step}: {erratum}\n    {}", filtered(line))?;
                    writeln!(f, "    remedy: {}", remedy(erratum))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_shows_no_run_and_no_machine() {
        let line = "my-app-0123456789abcdef-exec-1   0/1     ErrImagePull   0          31s".into();
        let heard = |step: &str, verdict| Heard { step: step.into(), verdict };
        let met = StepVerdict::Met { erratum: "image-not-there".into(), line };
        let transcript = Transcript(vec![
            heard("minikube", StepVerdict::NotTyped("why".into())),
            heard("pods", met),
            heard("room", StepVerdict::OfMachine("three-cpus".into())),
        ]);
        insta::assert_snapshot!(transcript.to_string(), @r#"
        minikube: not typed
        pods: image-not-there
            my-app-[APP]-exec-[N] 0/1 [NO IMAGE] 0 [AGE]
            remedy: `minikube image load` or `kind load docker-image` puts it on the nodes; never the tag `latest`, which is pulled always
        room: three-cpus, or as promised on a larger node
            remedy: `--cpus 4`, or `:spark.kubernetes.executor.request.cores "500m"`
        "#);
    }
}
