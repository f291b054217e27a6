//! `sparkproof up`, `down`, `status`: a cluster that outlives its command.

use super::run::PlanArgs;
use super::runner::{Request, with_run};
use crate::cluster::{Cluster, accept_profile};
use crate::context::{Cancel, Context, Installs};
use crate::dirs::Dirs;
use crate::engine::locks::Hold;
use crate::error::{Error, Exit, OrFail, Result};
use crate::events::{Recorder, Secrets, Silent};
use crate::ledger::{Run, Scope, StaleRun};
use crate::plan::ClusterPlan;
use crate::proof::{EnvironmentRecord, lock_up, set_up};
use crate::report::Mode;

/// Start a cluster that outlives this command.
#[derive(Debug, clap::Args)]
pub(super) struct UpArgs {
    /// Its name, for `run --cluster`, `down` and `status`
    #[arg(long, default_value = "sparkproof")]
    name: String,
    #[command(flatten)]
    common: PlanArgs,
}

/// Take it down.
#[derive(Debug, clap::Args)]
pub(super) struct DownArgs {
    /// Its name
    #[arg(long, default_value = "sparkproof")]
    name: String,
}

/// Show the clusters that are up.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Only this one
    #[arg(long)]
    name: Option<String>,
}

pub(super) async fn up(args: UpArgs, mode: Mode) -> Result<Exit> {
    let yes = args.common.yes;
    let plan = args.common.plan()?;
    match &plan.cluster {
        ClusterPlan::Kind { .. } => {}
        ClusterPlan::Minikube { .. } => accept_profile(&args.name)?,
        ClusterPlan::Up { .. } | ClusterPlan::Existing { .. } => {
            return Err(Error::input("`up` makes a cluster; --kubeconfig and --cluster name one"));
        }
    }
    let dirs = Dirs::of_user()?;
    if EnvironmentRecord::path(&dirs.runs().join(&args.name)).exists() {
        return Err(Error::input(format!("a cluster named {} is up already", args.name))
            .remedy(format!("use it with `run --cluster {0}`, or `down --name {0}`", args.name)));
    }
    let title = format!("{} · up {}", plan.title(), args.name);
    let request = Request {
        scope: Scope::User,
        name: Some(&args.name),
        ..Request::of_plan(mode, title, &plan)?
    };
    with_run(request, async |context, held| {
        let environment = set_up(context, held, &plan, &args.name, Scope::User, yes).await?;
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
    if !dirs.runs().join(&args.name).join("ledger.jsonl").exists() {
        return Err(Error::input(format!("no cluster named {} is up", args.name))
            .remedy("`sparkproof status` lists them"));
    }
    let _alone = lock_up(&dirs, &args.name, Hold::Exclusive)?.ok_or_else(|| {
        Error::environment(format!("a run uses the cluster {} now", args.name))
            .remedy("wait for it to end")
    })?;
    // As a run: when the body ends, everything in the ledger is given back.
    let request = Request {
        name: Some(&args.name),
        ..Request::without_plan(mode, format!("down {}", args.name))
    };
    with_run(request, async |context, held| {
        held.find_or_start(context, false).await?;
        Ok(())
    })
    .await
}

#[expect(clippy::print_stdout, reason = "what the user asked to see")]
pub(super) async fn status(args: &StatusArgs) -> Result<Exit> {
    let dirs = Dirs::of_user()?;
    let mut shown = 0;
    let mut able = true;
    for stale in StaleRun::find(&dirs)?.into_iter().filter(|s| s.scope == Scope::User) {
        let name = stale.run.id().to_owned();
        // Of `store up`: shown by `store status`.
        if stale.run.dir().join("stores").exists() {
            continue;
        }
        if args.name.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        shown += 1;
        let record = match EnvironmentRecord::read(&EnvironmentRecord::path(stale.run.dir())) {
            Ok(record) => record,
            Err(error) => {
                println!("{name}: {error}");
                able = false;
                continue;
            }
        };
        // kubectl cluster-info's two lines, and the nodes.
        let (server, kubeconfig) =
            (record.cluster.server.clone(), record.cluster.kubeconfig.clone());
        let context = looking(&dirs, stale.run)?;
        match Cluster::reopen(&context, record.cluster).await {
            Ok(cluster) => {
                println!("{name}: Kubernetes control plane is running at {server}");
                println!(
                    "{name}: CoreDNS is running at \
                     {server}/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy"
                );
                let nodes = cluster.node_containers.join(", ");
                println!("{name}: Kubernetes {}, nodes {nodes}", cluster.kubernetes_version);
                println!("{name}: KUBECONFIG={}", kubeconfig.display());
            }
            Err(error) => {
                println!("{name}: {error}");
                able = false;
            }
        }
    }
    if shown == 0 {
        println!("no cluster is up (sparkproof up starts one)");
    }
    Ok(if able { Exit::Green } else { Exit::Environment })
}

/// A context that only looks: its events go nowhere.
pub(super) fn looking(dirs: &Dirs, run: Run) -> Result<Context> {
    let nowhere = tempfile::tempdir().or_environment("making a temporary directory")?;
    let recorder = Recorder::open(nowhere.path(), Secrets::default(), Box::new(Silent))?;
    let run = std::sync::Arc::new(run);
    Ok(Context {
        dirs: dirs.clone(),
        recorder,
        run,
        cancel: Cancel::default(),
        installs: Installs::default(),
    })
}
