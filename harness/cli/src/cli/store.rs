//! `sparkproof store up`, `down`, `status`: one storage server alone, which outlives its command.

use sparkproof_base::RunId;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_base::ledger::{IdleRun, RunListing, Scope};
use sparkproof_base::name::Name;
use sparkproof_catalog::StoreKind;
use sparkproof_machine::engine::own_network;
use sparkproof_report::Mode;
use sparkproof_stores::{Store, StoreRecord, StoreRequest};

use super::ephemeral_run::with_ephemeral_run;
use super::runner::{Request, with_run};

/// Start, show or remove a storage server alone.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start a server that outlives this command
    Up(UpArgs),
    /// Remove a server with its data
    Down(DownArgs),
    /// Show the servers that are up
    Status,
}

#[derive(Debug, clap::Args)]
struct UpArgs {
    /// The kind of server
    #[arg(value_enum)]
    kind: StoreKind,
    /// Name of the server, for `store down` [default: its kind]
    #[arg(long)]
    name: Option<Name>,
    /// An existing Docker network [default: a new one]
    #[arg(long, value_name = "NET", conflicts_with = "cluster")]
    network: Option<String>,
    /// Use the network of the cluster that `sparkproof up --name NAME` started
    #[arg(long, value_name = "NAME")]
    cluster: Option<Name>,
    /// Install missing packages (Debian's docker.io, debootstrap) without asking
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
struct DownArgs {
    /// Name of the server; optional if only one is up
    name: Option<Name>,
}

pub(super) async fn run(args: StoreArgs, mode: Mode) -> Result<Exit> {
    match args.command {
        Command::Up(args) => up(args, mode).await,
        Command::Down(args) => down(args, mode).await,
        Command::Status => status().await,
    }
}

async fn up(args: UpArgs, mode: Mode) -> Result<Exit> {
    let name = args.name.map_or_else(|| args.kind.name().parse(), Ok)?;
    let id = RunId::for_store(&name);
    let request = Request {
        scope: Scope::User,
        id: Some(&id),
        ..Request::without_plan(mode, format!("store up {}", args.kind))
    };
    let mut started = None;
    let exit = with_run(request, async |context, held| {
        let engine = match &args.cluster {
            Some(cluster) => held.use_up(context, cluster).await?,
            None => held.find_or_start(context, args.yes).await?,
        };
        let network = match args.network.or_else(|| args.cluster.map(String::from)) {
            Some(network) => network,
            None => own_network(context, &engine, Scope::User).await?,
        };
        let request = StoreRequest { scope: Scope::User, ..StoreRequest::for_kind(args.kind) };
        let store = Store::start(context, &engine, &network, &request).await?;
        // Creates the bucket or directory, so that the user can put data into it.
        store.put_all(context, "", &std::collections::BTreeMap::new()).await?;
        started = Some(store.record.clone());
        Ok(())
    })
    .await?;
    if let (Some(record), Mode::Lines) = (started, mode) {
        say(name.as_str(), &record);
    }
    Ok(exit)
}

async fn down(args: DownArgs, mode: Mode) -> Result<Exit> {
    let dirs = Dirs::of_user()?;
    let name = match args.name {
        Some(name) => name,
        None => only_one(&dirs)?,
    };
    let id = RunId::for_store(&name);
    if !dirs.run(&id).join("ledger.jsonl").exists() {
        return Err(Error::input(format!("no store named {name} is up"))
            .remedy("`sparkproof store status` lists them"));
    }
    // Takes over the server's run: at its end everything in the ledger is removed.
    let request =
        Request { id: Some(&id), ..Request::without_plan(mode, format!("store down {name}")) };
    with_run(request, async |context, held| {
        held.find_or_start(context, false).await?;
        Ok(())
    })
    .await
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn status() -> Result<Exit> {
    // In a separate run, so that the servers' runs are not locked while the servers are asked.
    with_ephemeral_run(async |context| {
        let mut exit = Exit::Green;
        let mut shown = 0;
        let RunListing { found, failed } = IdleRun::all(&context.dirs)?;
        for error in failed {
            println!("{error}");
            exit = Exit::Environment;
        }
        for run in found.into_iter().filter(|run| run.scope == Scope::User) {
            let Some(name) = run.id.store() else { continue };
            shown += 1;
            let records = StoreRecord::all(&run.dir)?;
            if records.is_empty() {
                println!("{name}: incomplete; `sparkproof store down {name}` removes it");
                exit = Exit::Environment;
            }
            for record in records {
                say(name, &record);
                let asked = async { record.open(context).await?.answers().await };
                match asked.await {
                    Ok(()) => println!("{name}: ready"),
                    Err(error) => {
                        println!("{name}: {error}");
                        exit = Exit::Environment;
                    }
                }
            }
        }
        if shown == 0 {
            println!("no store is up (`sparkproof store up` starts one)");
        }
        Ok(exit)
    })
    .await
}

fn only_one(dirs: &Dirs) -> Result<Name> {
    let idle = IdleRun::all(dirs)?.found;
    let mut names = idle.iter().filter_map(|run| run.id.store());
    match (names.next(), names.next()) {
        (Some(name), None) => name.parse(),
        (None, _) => Err(Error::input("no store is up")),
        _ => Err(Error::input("several stores are up: add a name")
            .remedy("`sparkproof store status` lists them")),
    }
}

/// Prints how to use a server.
#[expect(clippy::print_stdout, reason = "the output of the command")]
fn say(name: &str, record: &StoreRecord) {
    for line in summary(record) {
        println!("{name}: {line}");
    }
}

/// Endpoint, credentials file and Spark configuration of a server; no keys.
fn summary(record: &StoreRecord) -> Vec<String> {
    let StoreRecord { kind, endpoint, bucket, .. } = record;
    let mut lines = vec![format!("{kind} at {endpoint}, put data into `{bucket}`")];
    if let Some(file) = &record.credentials {
        lines.push(format!("account and key are in {}", file.display()));
    }
    let mut conf =
        |key: &str, value: &str| lines.push(format!("--conf spark.hadoop.{key}={value}"));
    match kind {
        StoreKind::S3 | StoreKind::Moto => {
            conf("fs.s3a.endpoint", endpoint);
            conf("fs.s3a.path.style.access", "true");
            conf("fs.s3a.connection.ssl.enabled", "false");
            conf("fs.s3a.endpoint.region", "us-east-1");
            lines.push(
                "put into a properties file of mode 0600: spark.hadoop.fs.s3a.access.key, .secret.key".into(),
            );
            lines.push(format!("read s3a://{bucket}/PATH"));
        }
        StoreKind::Azure => {
            let host = record.host.as_deref().unwrap_or_default();
            let authority = format!("{host}:{}", kind.port());
            if let (Some(tls), Some(ca)) = (&record.tls_endpoint, &record.ca_certificate) {
                lines.push(format!("over TLS at {tls}, certificate authority {}", ca.display()));
            }
            lines.push(format!("add `{} {host}` to /etc/hosts of driver and pods", record.address));
            lines.push(format!(
                "put into a properties file of mode 0600: spark.hadoop.fs.azure.account.key.{}=KEY",
                authority.replace(':', "\\:")
            ));
            lines.push(format!("read wasb://{bucket}@{authority}/PATH (Hadoop up to 3.4)"));
        }
        StoreKind::Hdfs => lines.push(format!("read {endpoint}/{bucket}/PATH")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_stores::Placement;

    #[test]
    fn the_summary_has_no_key_but_its_file() {
        let record = |kind: StoreKind| StoreRecord {
            kind,
            placement: Placement::Own,
            endpoint: "http://172.18.0.3:10000".into(),
            tls_endpoint: Some("https://172.18.0.3:10443".into()),
            address: "172.18.0.3".into(),
            host: Some("devstoreaccount1.sparkproof-store-azure-azure".into()),
            bucket: "data".into(),
            region: None,
            image: None,
            credentials: Some("/state/credentials.json".into()),
            ca_certificate: Some("/state/ca.pem".into()),
        };
        insta::assert_snapshot!(summary(&record(StoreKind::Azure)).join("\n"), @r"
        azure at http://172.18.0.3:10000, put data into `data`
        account and key are in /state/credentials.json
        over TLS at https://172.18.0.3:10443, certificate authority /state/ca.pem
        add `172.18.0.3 devstoreaccount1.sparkproof-store-azure-azure` to /etc/hosts of driver and pods
        put into a properties file of mode 0600: spark.hadoop.fs.azure.account.key.devstoreaccount1.sparkproof-store-azure-azure\:10000=KEY
        read wasb://data@devstoreaccount1.sparkproof-store-azure-azure:10000/PATH (Hadoop up to 3.4)
        ");
        insta::assert_snapshot!(summary(&record(StoreKind::S3)).join("\n"), @r"
        s3 at http://172.18.0.3:10000, put data into `data`
        account and key are in /state/credentials.json
        --conf spark.hadoop.fs.s3a.endpoint=http://172.18.0.3:10000
        --conf spark.hadoop.fs.s3a.path.style.access=true
        --conf spark.hadoop.fs.s3a.connection.ssl.enabled=false
        --conf spark.hadoop.fs.s3a.endpoint.region=us-east-1
        put into a properties file of mode 0600: spark.hadoop.fs.s3a.access.key, .secret.key
        read s3a://data/PATH
        ");
    }

    #[test]
    fn a_name_becomes_part_of_a_host_name() {
        let longest: Name = "a".repeat(40).parse().expect("a name");
        for kind in [StoreKind::S3, StoreKind::Moto, StoreKind::Azure, StoreKind::Hdfs] {
            let name = kind.name().parse::<Name>().expect("the default");
            let host = format!("sparkproof-{}-{name}", RunId::for_store(&longest));
            assert!(sparkproof_base::name::is_dns_label(&host), "{host}");
        }
        for bad in ["", "Has Space", "under_score", "../x"] {
            assert_eq!(bad.parse::<Name>().expect_err(bad).exit, Exit::BadInput);
        }
    }
}
