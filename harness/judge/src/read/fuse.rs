//! Attempts to mount by FUSE with too few privileges.

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// The result of an attempt to mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountAttempt {
    /// Permission bits of `/dev/fuse` in the container; `None` without the device.
    pub device_mode: Option<u32>,
    /// The output of s3fs.
    pub said: String,
    /// Its exit code. 0 if it had mounted: it unmounts then, because no server answers.
    pub exit: i32,
}

impl Observation for MountAttempt {
    /// The error of libfuse.
    type Expected = String;
    const KIND: &'static str = "read.mount-refused";

    fn judge(&self, refusal: &String) -> Judged {
        let MountAttempt { said, exit, .. } = self;
        let judged = match *exit != 0 && said.contains(refusal) && !refusal.is_empty() {
            true => Judged::green(),
            false => Judged::red(
                format!("expected `{refusal}`, s3fs ended with {exit}: {said}"),
                "nodes that grant more than kind's need less privilege",
            ),
        };
        judged.with("s3fs says", said).with("exit code", exit).with("expected", refusal)
    }
}

/// The controls of `read.2-s3fs-executor.refused.*`.
pub(crate) fn controls() -> Vec<Control> {
    let refusal = "fuse: device not found, try 'modprobe fuse' first".to_owned();
    let control = |name, said: &str, exit, says| {
        let seen = MountAttempt { device_mode: None, said: said.to_owned(), exit };
        Control::seen(name, &refusal, &seen, says)
    };
    let red = Says::Red("expected `fuse: device not found");
    vec![
        control("refused", &refusal, 1, Says::Green),
        control("refused, among other lines", &format!("s3fs: x\n{refusal}\n"), 1, Says::Green),
        control("mounted", "", 0, red),
        control("the words, but mounted", &refusal, 0, red),
        control("failed without a word", "", 137, Says::Red("s3fs ended with 137")),
        control(
            "refused for another reason",
            "fuse: failed to open /dev/fuse: Permission denied",
            1,
            Says::Red("s3fs ended with 1: fuse: failed to open"),
        ),
        Control::seen(
            "no words are expected",
            &String::new(),
            &MountAttempt { device_mode: None, said: refusal.clone(), exit: 1 },
            Says::Red("expected ``"),
        ),
        Control::unseen::<MountAttempt>(&refusal, "waited 90 s for pods that try to mount"),
    ]
}
