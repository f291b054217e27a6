//! Applications from files: what kubectl wrote, logs, and the evidence of sparkproof's own runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::{Looked, Secrets};
use sparkproof_judge::diagnosis::Evidence;
use walkdir::WalkDir;

use super::application::{groups, is_active, names, without_pods};
use super::diagnosed::Diagnosed;
use super::material::{Group, Material};
use super::objects::Objects;
use super::wanted::Wanted;

/// The evidence of a session, in sparkproof's run directory.
const EVIDENCE: &str = "evidence.json";
/// Endings of the log of the instance of a container before its restart.
const PREVIOUS: [&str; 2] = ["-previous", ".previous"];
/// Levels of directories that are read.
const DEPTH: usize = 4;

/// Diagnoses the applications of which a directory has files: `kubectl get … -o json` or `-o yaml`
/// in `*.json`, `*.yaml` and `*.yml`, `kubectl logs POD` in `POD.log` (of a driver elsewhere in
/// `driver.log`), and `evidence.json` of sparkproof's run directories. Of several namespaces,
/// `namespace` names the one that counts.
///
/// # Errors
/// Bad input: a file cannot be read, or none is of use.
pub fn of_files(dir: &Path, namespace: Option<&str>, wanted: &Wanted) -> Result<Vec<Diagnosed>> {
    if !dir.is_dir() {
        return Err(Error::input(format!("{} is not a directory", dir.display())));
    }
    let read = Files::read(dir)?;
    let place = dir.display().to_string();
    if read.is_empty() {
        return Err(Error::input(format!("{place} has no pods, logs or evidence")).remedy(
            "kubectl -n NAMESPACE get pods,events -o json > DIR/all.json, and kubectl logs POD > \
             DIR/POD.log for each pod (docs/diagnosing.md)",
        ));
    }
    let found =
        wanted.pick(read.applications(namespace, wanted)?, &place, |one| one.names.clone())?;
    Ok(found.into_iter().map(|one| one.diagnosed).collect())
}

/// A diagnosed application, and what it answers to.
struct Found {
    names: Vec<String>,
    diagnosed: Diagnosed,
}

#[derive(Debug, Default)]
struct Files {
    objects: Objects,
    logs: BTreeMap<String, Looked<String>>,
    /// By the name of the session's directory.
    evidence: BTreeMap<String, Evidence>,
}

impl Files {
    fn read(dir: &Path) -> Result<Files> {
        let mut files = Files::default();
        let mut logs = Vec::new();
        let walk = WalkDir::new(dir).max_depth(DEPTH).sort_by_file_name();
        for entry in walk {
            let entry = entry.or_input(format!("reading {}", dir.display()))?;
            let path = entry.path();
            if !entry.file_type().is_file() {
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            match ending {
                "json" if path.ends_with(EVIDENCE) => {
                    let what = || format!("reading {}", path.display());
                    let text = fs_err::read(path).or_input(what())?;
                    let evidence = serde_json::from_slice(&text).or_input(what())?;
                    files.evidence.insert(session_of(path), evidence);
                }
                "json" | "yaml" | "yml" => files.add_objects(path, ending == "json")?,
                "log" => logs.push(path.to_owned()),
                _ => {}
            }
        }
        logs.retain(|path| !files.has_log(path));
        files.add_logs(logs)?;
        Ok(files)
    }

    /// Whether a log is one that a session wrote beside its evidence, which has it: of one of its
    /// pods, or of its driver.
    fn has_log(&self, path: &Path) -> bool {
        let beside = path.parent().is_some_and(|parent| parent.join(EVIDENCE).is_file());
        let evidence = self.evidence.get(&session_of(path)).filter(|_| beside);
        evidence.is_some_and(|evidence| {
            let stem = stem(path);
            stem == "driver" || evidence.pods.iter().any(|pod| pod.name == stem)
        })
    }

    fn add_objects(&mut self, path: &Path, json: bool) -> Result<()> {
        let what = || format!("reading {}", path.display());
        let text = fs_err::read_to_string(path).or_input(what())?;
        let values: Vec<Value> = match json {
            true => serde_json::Deserializer::from_str(&text)
                .into_iter()
                .collect::<std::result::Result<_, _>>()
                .or_input(what())?,
            false => serde_saphyr::from_multiple(&text).or_input(what())?,
        };
        let stem = stem(path);
        for value in values {
            // Others, such as sparkproof's own summary.json, are of no use here.
            self.objects.add(value, &stem);
        }
        Ok(())
    }

    /// The log of a previous instance comes before that of the present one.
    fn add_logs(&mut self, mut paths: Vec<PathBuf>) -> Result<()> {
        let pod_of = |path: &Path| {
            let stem = stem(path);
            let previous = PREVIOUS.iter().find_map(|ending| stem.strip_suffix(ending));
            (previous.unwrap_or(&stem).to_owned(), previous.is_none())
        };
        paths.sort_by_key(|path| pod_of(path));
        for path in paths {
            let bytes = fs_err::read(&path).or_input(format!("reading {}", path.display()))?;
            let text = String::from_utf8_lossy(&bytes);
            let log = self.logs.entry(pod_of(&path).0).or_insert(Looked::Seen(String::new()));
            if let Looked::Seen(log) = log {
                log.push_str(&text);
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        let pods = self.objects.pods();
        let no_pods = pods.seen().is_none_or(Vec::is_empty);
        let told = !without_pods(&[], &self.objects.all_events()).is_empty();
        no_pods && self.logs.is_empty() && self.evidence.is_empty() && !told
    }

    fn applications(&self, namespace: Option<&str>, wanted: &Wanted) -> Result<Vec<Found>> {
        let secrets = Secrets::default();
        let mut found = Vec::new();
        for (session, evidence) in &self.evidence {
            let mut diagnosed = Diagnosed::judged(session.clone(), evidence, |same| same);
            diagnosed.of_own_run();
            let driver = diagnosed.driver.clone();
            let names = std::iter::once(session.clone()).chain(driver).collect();
            found.push(Found { names, diagnosed });
        }
        let now = self.objects.time().unwrap_or_default();
        let pods = match self.objects.pods() {
            Looked::Seen(pods) => pods,
            Looked::Unseen(_) => Vec::new(),
        };
        let mut all = groups(pods);
        let without = without_pods(&all, &self.objects.all_events());
        all.extend(without);
        if all.is_empty() && !self.logs.is_empty() {
            all.push(Group { id: "logs".to_owned(), ..Group::default() });
        }
        all.retain(|group| {
            let here = namespace.is_none_or(|wanted| group.namespace == wanted);
            here && wanted.since.is_none_or(|since| is_active(group, since, now))
        });
        for group in all {
            let mut material = Material {
                now,
                events: self.objects.events(&group.namespace),
                listed: self.objects.listed(&group.namespace),
                logs: self.logs.clone(),
                ..Material::default()
            };
            let maps = self.objects.maps(&group.namespace).into_iter();
            let named =
                maps.filter_map(|map| Some((map.metadata.name.clone()?, Looked::Seen(map))));
            material.maps.extend(named);
            material.know(&group.id, wanted);
            let diagnosed = Diagnosed::of_group(&group, &material, &secrets)?;
            found.push(Found { names: names(&group), diagnosed });
        }
        Ok(found)
    }
}

/// The name of the directory that a file is in.
fn session_of(path: &Path) -> String {
    let session = path.parent().and_then(Path::file_name).unwrap_or_default();
    session.to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "team",
                "labels": { "spark-role": "driver", "spark-app-selector": "spark-1" } },
            "spec": { "containers": [{ "name": "spark-kubernetes-driver", "image": "i" }] },
            "status": { "phase": "Running" } })
    }

    /// The evidence of a session hides only what it wrote itself.
    #[test]
    fn what_kubectl_wrote_beside_a_sessions_evidence_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: String| {
            std::fs::write(dir.path().join(name), text).expect("written");
        };
        let mut evidence = Evidence::default();
        evidence.pods.push(sparkproof_judge::diagnosis::PodFacts {
            name: "x-exec-1".into(),
            ..Default::default()
        });
        write("evidence.json", serde_json::to_string(&evidence).expect("json"));
        write("x-exec-1.log", "of the session".into());
        write("pods.json", pod("pi-driver").to_string());
        write("pi-driver.log", "of the application".into());
        let read = Files::read(dir.path()).expect("read");
        assert_eq!(read.logs.keys().collect::<Vec<_>>(), ["pi-driver"]);
        let found = read.applications(None, &Wanted::default()).expect("two");
        assert_eq!(found.len(), 2);
        assert!(found.iter().any(|one| one.names.contains(&"pi-driver".to_owned())));
    }
}
