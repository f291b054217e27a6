//! A driver in a container beside the nodes: all that a driver on this host does.

use rstest::rstest;
use sparkproof::plan::DriverPlace;
use sparkproof::proof::{Ending, Live};
use sparkproof::{Error, Result};

use crate::frame::{Outcome, lives_and_ends, proof};

#[rstest]
#[case::stopped(3, Ending::Stopped)]
#[case::exited(1, Ending::Exited)]
#[case::killed(1, Ending::Killed)]
#[tokio::test]
async fn a_driver_in_a_container(#[case] executors: u32, #[case] ending: Ending) -> Outcome {
    let name = format!("a_driver_in_a_container_{ending:?}").to_lowercase();
    proof(&name, async |p| {
        let session = p.session().driver(DriverPlace::Container).executors(executors);
        let live = session.start().await?;
        not_on_this_host(&live, p.environment.cluster.host_address)?;
        lives_and_ends(p, live, ending).await
    })
    .await
}

fn not_on_this_host(live: &Live, host: std::net::IpAddr) -> Result<()> {
    match live.driver_address() {
        address if address == host => {
            Err(Error::red(format!("the driver has {address}, this host's")))
        }
        _ => Ok(()),
    }
}
