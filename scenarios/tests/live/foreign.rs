//! A cluster that sparkproof did not make, through a user with a Role in one namespace, and
//! nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use kube::api::{Patch, PatchParams};
use scenarios::commands::{LONG, exe, red};
use scenarios::frame::{Outcome, expect_red, proof};
use scenarios::team::{Team, USER};
use serde_json::json;
use sparkproof::access::{AccessQuery, ClusterCapabilities, DRIVER_POD, IN_POD, needed};
use sparkproof::catalog::plan::RbacChoice;
use sparkproof::cluster::open_existing;
use sparkproof::lease::Lease;
use sparkproof::wait::{Progress, Source, Waiting, wait};
use sparkproof::{Error, Exit, Result};
use xtask::watched::Watched;

/// A sparkproof command with its own state directory, as on another machine.
fn elsewhere(state: &Path, args: &[&str]) -> Result<Output> {
    Command::new(exe())
        .args(args)
        .env("XDG_STATE_HOME", state)
        .env("NO_COLOR", "1")
        .current_dir(state)
        .output()
        .map_err(|e| Error::environment("running sparkproof").with_source(e))
}

/// The text with line breaks and repeated spaces removed.
fn said(output: &Output) -> String {
    let all = scenarios::commands::said(output).replace('│', " ");
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Also reads by three variants: files copied into pods and two ConfigMaps. Meanwhile another machine
/// sweeps.
#[tokio::test]
async fn a_restricted_user_proves_in_a_namespace_and_leaves_it_as_it_was() -> Outcome {
    proof("a_restricted_user_proves_in_a_namespace_and_leaves_it_as_it_was", async |p| {
        let team = Team::new(p).await?;
        let (kubeconfig, namespace) = (team.kubeconfig(), team.namespace.clone());
        let before = team.holds().await?;
        let host = p.environment.cluster.host_address.to_string();
        let mut run = Watched::start(
            &exe(),
            &[
                "run",
                "--kubeconfig",
                &kubeconfig,
                "--namespace",
                &namespace,
                "--image",
                &p.environment.image.reference,
                "--driver-host",
                &host,
                "--executors",
                "1",
                "--executor-cpu",
                "300m",
                "--strategies",
                "0,3-configmap,3-emptydir",
            ],
        )
        .map_err(red)?;
        run.reach("executors").map_err(red)?;
        let during = team.holds().await?;
        let made: Vec<&String> = during.difference(&before).collect();
        let kinds: BTreeSet<&str> = made.iter().filter_map(|name| name.split(' ').next()).collect();
        assert_eq!(kinds, BTreeSet::from(["ConfigMap", "Lease", "Pod"]), "{made:?}");
        let keep = tempfile::tempdir().expect("temporary directory");
        let sweep = ["sweep", "--kubeconfig", &kubeconfig, "--namespace", &namespace];
        let swept = elsewhere(keep.path(), &sweep)?;
        // The user may not list Leases; the cluster's owner may.
        assert_eq!(swept.status.code(), Some(3), "{}", said(&swept));
        let admin = p.environment.cluster.kubeconfig.to_string_lossy();
        let swept = elsewhere(keep.path(), &["sweep", "--kubeconfig", &admin])?;
        assert!(swept.status.success(), "{}", said(&swept));
        // Renewed during the sweep, or deleted with its session: both show that the run is alive.
        let alive = format!("kept run {} in namespace {namespace} (its Lease ", run.run);
        assert!(said(&swept).contains(&alive), "{}", said(&swept));
        let id = run.run.clone();
        let status = run.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(0), "run {id}; the sweep said {}", said(&swept));
        assert_eq!(team.holds().await?, before);
        Ok(())
    })
    .await
}

/// The cluster cannot reach this machine; the namespace's owner granted a few more verbs.
#[tokio::test]
#[ignore = "full: the same user with the driver outside is in ci"]
async fn a_restricted_user_has_the_driver_in_a_pod() -> Outcome {
    proof("a_restricted_user_has_the_driver_in_a_pod", async |p| {
        let team = Team::new(p).await?;
        let before = team.holds().await?;
        let (kubeconfig, image) = (team.kubeconfig(), &p.environment.image.reference);
        let mut args = vec!["run", "--kubeconfig", &kubeconfig, "--namespace", &team.namespace];
        args.extend(["--image", image, "--service-account", USER, "--front-end", "spark-shell"]);
        args.extend(["--driver", "pod", "--executors", "1", "--executor-cpu", "300m"]);
        args.extend(["--strategies", "0"]);
        let keep = tempfile::tempdir().expect("temporary directory");
        let refused = elsewhere(keep.path(), &args)?;
        assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
        let words = format!("may not, in namespace {}: create services", team.namespace);
        assert!(said(&refused).contains(&words), "{}", said(&refused));
        assert_eq!(team.holds().await?, before, "nothing was made");

        team.may_also(DRIVER_POD.into_iter().chain([IN_POD])).await?;
        let cluster = open_existing(&p.context, team.credentials.kubeconfig(), None).await?;
        let wanted = AccessQuery {
            namespace: Some(&team.namespace),
            account: Some(USER),
            rbac: RbacChoice::Minimal,
            spark_version: &p.environment.image.version,
            driver_in_pod: true,
        };
        let waiting = Waiting::up_to(20, "the rights just given");
        wait(&p.context, waiting, Source::Backoff, async || {
            match ClusterCapabilities::ask(&p.context, &cluster, wanted).await {
                Ok(_) => Progress::Met(()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await?;
        let mut run = Watched::start(&exe(), &args).map_err(red)?;
        run.reach("executors").map_err(red)?;
        let during = team.holds().await?;
        let made: Vec<&String> = during.difference(&before).collect();
        let of = |kind: &str| made.iter().filter(|name| name.starts_with(kind)).count();
        assert_eq!((of("Pod "), of("Service ")), (2, 1), "{made:?}");
        let id = run.run.clone();
        let status = run.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(0), "run {id}");
        assert_eq!(team.holds().await?, before);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn each_right_that_is_missing_is_named_before_anything_is_made() -> Outcome {
    proof("each_right_that_is_missing_is_named_before_anything_is_made", async |p| {
        let team = Team::new(p).await?;
        let before = team.holds().await?;
        let kubeconfig = team.credentials.kubeconfig();
        let cluster = open_existing(&p.context, kubeconfig, None).await?;
        let version = &p.environment.image.version;
        let wanted = AccessQuery {
            namespace: Some(&team.namespace),
            account: None,
            rbac: RbacChoice::Minimal,
            spark_version: version,
            driver_in_pod: false,
        };
        for rule in needed(version) {
            team.may_not(*rule).await?;
            let expected = format!("in namespace {}: {rule}", team.namespace);
            // The API server notices a changed Role with a delay.
            let waiting = Waiting::up_to(20, format!("the end of the right to {rule}"));
            wait(&p.context, waiting, Source::Backoff, async || {
                match ClusterCapabilities::ask(&p.context, &cluster, wanted).await {
                    Err(error) if error.to_string().ends_with(&expected) => {
                        assert_eq!(error.exit, Exit::Environment);
                        Progress::Met(())
                    }
                    other => Progress::NotYet(format!("{other:?}")),
                }
            })
            .await?;
        }
        assert_eq!(team.holds().await?, before, "nothing was made");

        // By the command line: without any permission, and with a namespace that does not exist.
        let keep = tempfile::tempdir().expect("temporary directory");
        let (user, admin) = (team.kubeconfig(), p.environment.cluster.kubeconfig.to_string_lossy());
        for (kubeconfig, namespace, code, words) in [
            (user.as_str(), Some("default"), 3, "may not, in namespace default: create pods, list"),
            (user.as_str(), None, 3, "may not, on this cluster: create namespaces"),
            (&*admin, Some("nowhere"), 2, "--namespace nowhere: the cluster has no such namespace"),
        ] {
            let mut args = vec!["run", "--kubeconfig", kubeconfig, "--image", "i:1"];
            args.extend(["--executors", "1", "--strategies", "none"]);
            args.extend(namespace.iter().flat_map(|name| ["--namespace", name]));
            let refused = elsewhere(keep.path(), &args)?;
            assert_eq!(refused.status.code(), Some(code), "{}", said(&refused));
            assert!(said(&refused).contains(words), "{}", said(&refused));
        }
        assert_eq!(team.holds().await?, before, "nothing was made");
        Ok(())
    })
    .await
}

/// Three runs of other machines: a live one, a dead one, and a live one whose clock is wrong, so that its
/// Lease looks expired although it is renewed.
#[tokio::test]
async fn a_sweep_takes_only_what_nobody_renews() -> Outcome {
    proof("a_sweep_takes_only_what_nobody_renews", async |p| {
        let team = Team::new(p).await?;
        let now = jiff::Timestamp::now();
        let long_ago = now - jiff::SignedDuration::from_mins(10);
        for (run, renewed) in [("aaaa0001", now), ("dddd0002", long_ago), ("cccc0003", long_ago)] {
            team.left_behind(&run.parse()?, renewed).await?;
        }
        let keep = tempfile::tempdir().expect("temporary directory");
        let admin = p.environment.cluster.kubeconfig.to_string_lossy().into_owned();
        let (state, namespace) = (keep.path().to_owned(), team.namespace.clone());
        let sweep = tokio::task::spawn_blocking(move || {
            let namespace = ["--namespace", &namespace];
            elsewhere(&state, &[&["sweep", "--kubeconfig", &admin][..], &namespace].concat())
        });
        // Renewed in time, one by a clock that is ten minutes late. The sweep observes for the duration
        // of a Lease, 60 s.
        let leases = team.leases();
        let waiting = Waiting::up_to(180, "the end of the sweep");
        wait(&p.context, waiting, Source::Backoff, async || {
            let now = jiff::Timestamp::now();
            let late = now - jiff::SignedDuration::from_mins(10);
            for (name, time) in [("sparkproof-aaaa0001", now), ("sparkproof-cccc0003", late)] {
                let renewal = json!({ "spec": { "renewTime": format!("{time:.6}") } });
                let renewal = Patch::Merge(renewal);
                if let Err(error) = leases.patch(name, &PatchParams::default(), &renewal).await {
                    return Progress::Never(Error::red(format!("renewing: {error}")));
                }
            }
            match sweep.is_finished() {
                true => Progress::Met(()),
                false => Progress::NotYet("it runs".to_owned()),
            }
        })
        .await?;
        let swept = sweep.await.map_err(|e| Error::internal("a sweep").with_source(e))??;
        assert!(swept.status.success(), "{}", said(&swept));
        let text = said(&swept);
        let taken = format!("removed objects of run dddd0002 in namespace {}", team.namespace);
        assert!(text.contains(&taken), "{text}");
        for run in ["aaaa0001", "cccc0003"] {
            assert!(text.contains(&format!("kept run {run}")), "{text}");
        }
        let held = team.holds().await?;
        let of = |run: &str| held.iter().filter(|name| name.contains(run)).count();
        assert_eq!([of("aaaa0001"), of("dddd0002"), of("cccc0003")], [2, 0, 2], "{held:?}");
        Ok(())
    })
    .await
}

/// Objects without a Lease are kept, and a user who may not create one gets an error.
#[tokio::test]
async fn where_leases_may_not_be_made_nothing_is_swept() -> Outcome {
    proof("where_leases_may_not_be_made_nothing_is_swept", async |p| {
        let team = Team::new(p).await?;
        // The namespace itself carries the run of this scenario, which another machine does not
        // know, and no Lease.
        let keep = tempfile::tempdir().expect("temporary directory");
        let admin = p.environment.cluster.kubeconfig.to_string_lossy();
        let swept = elsewhere(keep.path(), &["sweep", "--kubeconfig", &admin])?;
        assert!(swept.status.success(), "{}", said(&swept));
        let left = format!("kept namespace {} (no Lease", team.namespace);
        assert!(said(&swept).contains(&left), "{}", said(&swept));
        assert!(!team.holds().await?.is_empty());
        let cluster = open_existing(&p.context, team.credentials.kubeconfig(), None).await?;
        let lease = Lease::take(&p.context, &cluster.client, "default", "mine", None).await;
        let forbidden = "leases.coordination.k8s.io is forbidden";
        expect_red(lease, &["creating a Lease in namespace default", forbidden])?;
        Ok(())
    })
    .await
}
