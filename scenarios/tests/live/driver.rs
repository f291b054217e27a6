//! A driver in a container beside the nodes: all that a driver on this host does.

use rstest::rstest;
use sparkproof::checks;
use sparkproof::plan::DriverPlace;
use sparkproof::proof::{Ending, Live};
use sparkproof::{Error, Result};

use crate::frame::{Outcome, proof};

#[rstest]
#[case::stopped(3, Ending::Stopped)]
#[case::exited(1, Ending::Exited)]
#[case::killed(1, Ending::Killed)]
#[tokio::test]
async fn a_driver_in_a_container(#[case] executors: u32, #[case] ending: Ending) -> Outcome {
    let name = format!("a_driver_in_a_container_{ending:?}").to_lowercase();
    proof(&name, async |p| {
        let session = p.session().driver(DriverPlace::Container).executors(executors);
        let mut live = session.start().await?;
        not_on_this_host(&live, p.environment.cluster.host_address)?;
        checks::pod_list(&p.context, &live).await?;
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
            Ending::Killed => {
                let ended = live.kill().await?;
                checks::executors_stay_after_kill(&p.context, &ended).await
            }
            Ending::Collected => Err(Error::internal("this driver is no pod")),
        }
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
