//! Images that cannot be had, or do not fit.

use sparkproof_base::verdict::Cause;

use super::evidence::{Evidence, PodFacts};
use super::finding::{Ends, Finding, PodRule};

pub(super) const POD: &[PodRule] = &[not_pulled];

/// Kubelet's reasons for an image that it has not got (its `images/types.go`).
const NOT_PULLED: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

fn not_pulled(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, waits) = pod.stuck()?;
    let image = if container.image.is_empty() { &evidence.asked.image } else { &container.image };
    let finding = match &*waits.reason {
        "ErrImageNeverPull" => Finding::new(
            Cause::ImageNeverPulled,
            format!("the node does not have {image} and must not pull it"),
            "load the image into every node, or use a pull policy other than Never",
        ),
        reason if NOT_PULLED.contains(&reason) => Finding::new(
            Cause::WrongImage,
            format!("the node cannot pull {image}"),
            "check the name and the tag, load the image into every node, or give the pods a pull \
             secret",
        ),
        _ => return None,
    };
    let failed = evidence.events_of(&pod.name).filter(|event| event.reason == "Failed");
    Some(
        finding
            .of(pod)
            .because(&pod.name, format!("{}: {}", waits.reason, waits.message))
            .events(failed)
            .ends(Ends::AtOnce),
    )
}
