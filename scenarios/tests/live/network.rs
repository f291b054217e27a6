//! Sessions under NetworkPolicies that let in what Spark needs. Those that do not are among the faults
//! (`causes`), and Spark's own policy is one of an application (`versions`).

use rstest::rstest;
use scenarios::frame::{Outcome, proof};
use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::checks;
use sparkproof::error::Error;

/// Executors accept only driver and peers, and reach only these and the cluster's DNS. `$DRIVER` is where
/// the driver is; with a driver on this host it never asks for a connection.
const DRIVER_AND_PEERS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: driver-and-peers}
spec:
  podSelector: {matchLabels: {spark-role: executor}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}]}]
  egress:
  - to: [{podSelector: {}}$DRIVER]
  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
";

/// Rows of a job with a shuffle.
const ROWS: u64 = 1000;

/// The session starts, and the executors exchange the blocks of a shuffle.
#[rstest]
#[ignore = "full: that a policy is enforced is in ci"]
#[case::driver_on_this_host(DriverPlace::Host, FrontEnd::Pyspark)]
#[ignore = "full: that a policy is enforced is in ci"]
#[case::driver_in_a_pod(DriverPlace::Pod, FrontEnd::SparkShell)]
#[tokio::test]
async fn a_policy_for_driver_and_peers_is_enough(
    #[case] place: DriverPlace,
    #[case] front_end: FrontEnd,
) -> Outcome {
    let name = format!("a_policy_for_a_driver_{place:?}_and_peers_is_enough").to_lowercase();
    proof(&name, async |p| {
        let session = p.session().driver(place).front_end(front_end).executors(2);
        let ground = session.grant().await?;
        let driver = match place {
            DriverPlace::Pod => String::new(),
            _ => format!(", {{ipBlock: {{cidr: {}/32}}}}", p.environment.cluster.host_address),
        };
        ground.obstacles().put(&DRIVER_AND_PEERS.replace("$DRIVER", &driver)).await?;
        let mut live = ground.start().await?;
        checks::barrier(&p.context, &mut live).await?;
        let sum = live.session().job(ROWS, 8).await?;
        if sum != u128::from(ROWS * (ROWS - 1) / 2) {
            return Err(Error::red(format!("the sum of {ROWS} rows is {sum}")));
        }
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}
