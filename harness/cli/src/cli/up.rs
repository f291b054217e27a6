//! `sparkproof up`, `down`, `status`: a cluster that outlives its command.

use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_base::ledger::{IdleRun, RunListing, Scope};
use sparkproof_base::locks::LockMode;
use sparkproof_base::name::Name;
use sparkproof_catalog::plan::ClusterPlan;
use sparkproof_kubernetes::cluster::{Cluster, accept_profile};
use sparkproof_report::Mode;
use sparkproof_suite::flow::{lock_up, set_up};
use sparkproof_testbed::EnvironmentRecord;

use super::ephemeral_run::with_ephemeral_run;
use super::run::PlanArgs;
use super::runner::{Request, with_run};

/// Start a cluster that outlives this command.
#[derive(Debug, clap::Args)]
pub(super) struct UpArgs {
    /// Name of the cluster, for `run --cluster`, `down` and `status`
    #[arg(long, default_value = "sparkproof")]
    name: Name,
    #[command(flatten)]
    common: PlanArgs,
}

/// Remove a cluster that `up` started.
#[derive(Debug, clap::Args)]
pub(super) struct DownArgs {
    /// Name of the cluster
    #[arg(long, default_value = "sparkproof")]
    name: Name,
}

/// Show the clusters that are up.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Only this cluster
    #[arg(long)]
    name: Option<Name>,
}

pub(super) async fn up(args: UpArgs, mode: Mode) -> Result<Exit> {
    let id = RunId::for_cluster(&args.name)?;
    let yes = args.common.yes;
    let plan = args.common.plan()?;
    match &plan.cluster {
        ClusterPlan::Kind { .. } => {}
        ClusterPlan::Minikube { .. } => accept_profile(&args.name)?,
        ClusterPlan::Up { .. } | ClusterPlan::Existing { .. } => {
            return Err(Error::input(
                "`up` creates a cluster; --kubeconfig and --cluster name an existing one",
            ));
        }
    }
    let title = format!("{} · up {}", plan.title(), args.name);
    let request =
        Request { scope: Scope::User, id: Some(&id), ..Request::of_plan(mode, title, &plan)? };
    with_run(request, async |context, held| {
        let environment =
            Box::pin(set_up(context, held, &plan, args.name.as_str(), Scope::User, yes)).await?;
        environment.record(context).write(&EnvironmentRecord::path(context.run.dir()))?;
        context.recorder.info(format!(
            "cluster {} is up: KUBECONFIG={} kubectl get nodes",
            args.name,
            environment.cluster.kubeconfig.display()
        ));
        Ok(())
    })
    .await
}

pub(super) async fn down(args: DownArgs, mode: Mode) -> Result<Exit> {
    let dirs = Dirs::of_user()?;
    let id = RunId::from(args.name.clone());
    if !dirs.run(&id).join("ledger.jsonl").exists() {
        return Err(Error::input(format!("no cluster named {} is up", args.name))
            .remedy("`sparkproof status` lists them"));
    }
    let _alone = lock_up(&dirs, &args.name, LockMode::Exclusive)?.ok_or_else(|| {
        Error::environment(format!("a run is using the cluster {}", args.name))
            .remedy("wait for it to end")
    })?;
    // Takes over the cluster's run: at its end everything in the ledger is removed.
    let request =
        Request { id: Some(&id), ..Request::without_plan(mode, format!("down {}", args.name)) };
    with_run(request, async |context, held| {
        held.find_or_start(context, false).await?;
        Ok(())
    })
    .await
}

pub(super) async fn status(args: &StatusArgs) -> Result<Exit> {
    // In a separate run, so that the clusters' runs are not locked while their API servers are
    // asked.
    with_ephemeral_run(async |context| {
        let wanted = |run: &IdleRun| {
            // `store status` shows those of `store up`.
            run.scope == Scope::User
                && !run.dir.join("stores").exists()
                && args.name.as_ref().is_none_or(|name| name.as_str() == run.id.as_str())
        };
        let mut exit = Exit::Green;
        let mut shown = 0;
        let RunListing { found, failed } = IdleRun::all(&context.dirs)?;
        for run in found.into_iter().filter(wanted) {
            shown += 1;
            exit = if show(context, &run).await { exit } else { Exit::Environment };
        }
        for error in failed {
            say(&error);
            exit = Exit::Environment;
        }
        if shown == 0 {
            say("no cluster is up (`sparkproof up` starts one)");
        }
        Ok(exit)
    })
    .await
}

/// Prints the two lines of `kubectl cluster-info`, and the nodes. Returns whether the cluster
/// answers.
async fn show(context: &Context, run: &IdleRun) -> bool {
    let name = &run.id;
    let opened = async {
        let record = EnvironmentRecord::read(&EnvironmentRecord::path(&run.dir))?;
        Cluster::reopen(context, record.cluster).await
    };
    let cluster = match opened.await {
        Ok(cluster) => cluster,
        Err(error) => {
            say(&format!("{name}: {error}"));
            return false;
        }
    };
    let (server, nodes) = (&cluster.server, cluster.node_containers.join(", "));
    say(&format!("{name}: Kubernetes control plane is running at {server}"));
    say(&format!(
        "{name}: CoreDNS is running at \
         {server}/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy"
    ));
    say(&format!("{name}: Kubernetes {}, nodes {nodes}", cluster.kubernetes_version));
    say(&format!("{name}: KUBECONFIG={}", cluster.kubeconfig.display()));
    true
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn say(line: &str) {
    println!("{line}");
}
