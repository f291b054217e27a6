//! A planted leak of each kind turns the inventory red. In network and mount namespaces of its own,
//! which needs root; elsewhere the cases say so and pass.

#![expect(clippy::print_stderr, reason = "why a case did nothing")]

use std::process::{Command, Output};

use rstest::rstest;

const PLANT: &str = r#"
set -eu
ip link set lo up
"$SPARKPROOF" inventory --save "$KEEP/before" >/dev/null
"$SPARKPROOF" inventory --against "$KEEP/before" >"$KEEP/unchanged" || true
eval "$PLANTED"
code=0
"$SPARKPROOF" inventory --against "$KEEP/before" || code=$?
eval "$REMOVED"
exit $code
"#;

fn planted(planted: &str, removed: &str) -> Option<(Output, tempfile::TempDir)> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: namespaces need root");
        return None;
    }
    let keep = tempfile::Builder::new().prefix("inventory-").tempdir().expect("directory");
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", PLANT])
        .env("SPARKPROOF", env!("CARGO_BIN_EXE_sparkproof"))
        .env("KEEP", keep.path())
        .env("PLANTED", planted)
        .env("REMOVED", removed)
        .env("XDG_STATE_HOME", keep.path().join("state"))
        .env("XDG_CACHE_HOME", keep.path().join("cache"))
        .env("KUBECONFIG", keep.path().join("kubeconfig"))
        .env_remove("DOCKER_HOST")
        .output()
        .expect("unshare");
    Some((output, keep))
}

#[rstest]
#[case::link("ip link add br-0123456789ab type bridge", "", "+ link br-0123456789ab")]
#[case::route("ip route add 203.0.113.0/24 dev lo", "", "+ route 203.0.113.0/24 dev lo scope link")]
#[case::rule(
    "iptables -A FORWARD -d 203.0.113.1 -j DROP",
    "",
    "-A FORWARD -d 203.0.113.1/32 -j DROP"
)]
#[case::policy("iptables -P FORWARD DROP", "", "filter :FORWARD DROP")]
#[case::mount("mkdir $KEEP/m; mount -t tmpfs x $KEEP/m", "", "+ mount ")]
#[case::sysctl(
    "echo $((1 - $(cat /proc/sys/net/ipv4/ip_forward))) > /proc/sys/net/ipv4/ip_forward",
    "",
    "sysctl net.ipv4.ip_forward = "
)]
// Its parent gone, unlike the rest of a pipeline; named sleep only once setsid has become it.
#[case::process(
    "(setsid sleep 300 & echo $! > $KEEP/pid); \
     until grep -q sleep /proc/$(cat $KEEP/pid)/comm; do :; done",
    "kill $(cat $KEEP/pid)",
    "+ process sleep ("
)]
#[case::temporary_file(
    "f=$(mktemp -d /tmp/sparkproof-leak-XXXXXX)",
    "rmdir $f",
    "+ temporary file /tmp/sparkproof-leak-"
)]
#[case::kubeconfig("echo changed > $KUBECONFIG", "", "kubeconfig sha256:")]
#[case::state("mkdir $XDG_STATE_HOME/sparkproof/runs/deadbeef", "", "+ state ")]
fn a_planted_leak_turns_it_red(#[case] plant: &str, #[case] remove: &str, #[case] line: &str) {
    let Some((output, keep)) = planted(plant, remove) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(line), "{line:?} not in:\n{said}");
    // Other processes on this machine may add lines, but not of this kind.
    let unchanged = std::fs::read_to_string(keep.path().join("unchanged")).expect("written");
    assert!(!unchanged.contains(line), "{unchanged}");
}
