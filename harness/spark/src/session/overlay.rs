//! The additions of reading strategies to a session, merged without conflicts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Container, SecurityContext, Volume, VolumeMount};
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::plan::Conf;
use sparkproof_catalog::plan::conf::is_secret;
use sparkproof_images::Layer;

/// The additions of one strategy, or the merged ones of several.
#[derive(Debug, Clone, Default)]
pub struct SessionOverlay {
    /// Spark configuration.
    pub conf: Conf,
    /// Jars on the driver's class path that Spark does not bring (executors have them in their
    /// image).
    pub driver_jars: Vec<PathBuf>,
    /// Jars that Spark ships to executors, for images that cannot get layers.
    pub shipped_jars: Vec<PathBuf>,
    /// Files of this host that JVM options of the driver name.
    pub driver_files: Vec<PathBuf>,
    /// Options of the driver's JVM.
    pub driver_options: Vec<String>,
    /// Options of the executors' JVMs.
    pub executor_options: Vec<String>,
    /// Host names with their addresses, for the driver and every executor.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Layers on top of the session's image, lowest first.
    pub layers: Vec<Layer>,
    /// Volumes of executor pods.
    pub volumes: Vec<Volume>,
    /// The mounts of these volumes in the executor's container.
    pub mounts: Vec<VolumeMount>,
    /// Init containers of executor pods.
    pub init_containers: Vec<Container>,
    /// Security context of the executor's container.
    pub security_context: Option<SecurityContext>,
    /// Command of the executor's container in place of the image's entry point; Spark sets the
    /// arguments.
    pub command: Option<Vec<String>>,
    /// Whether executors should be spread over all nodes.
    pub spread: bool,
}

impl SessionOverlay {
    /// Merges the contribution of `who`. Equal entries are merged. Different entries under one name
    /// are an internal error, since variants that conflict must not share a session.
    pub fn add(&mut self, who: &str, other: SessionOverlay) -> Result<()> {
        let refuse = |what: String| Err(Error::internal(format!("{who} cannot join: {what}")));
        for (key, value) in other.conf.iter() {
            if let Some(had) = self.conf.get(key)
                && had != value
            {
                return refuse(match is_secret(key, value) || is_secret(key, had) {
                    true => format!("{key} has another value already"),
                    false => format!("{key} is {had} already, not {value}"),
                });
            }
            self.conf.insert(key, value);
        }
        for (name, address) in other.hosts {
            if let Some(had) = self.hosts.insert(name.clone(), address)
                && had != address
            {
                return refuse(format!("the host {name} is {had} already, not {address}"));
            }
        }
        let volumes = union(&mut self.volumes, other.volumes, |v| v.name.clone());
        let mounts = union(&mut self.mounts, other.mounts, |m| m.mount_path.clone());
        let inits = union(&mut self.init_containers, other.init_containers, |c| c.name.clone());
        for (kind, clash) in [("volume", volumes), ("mount path", mounts), ("container", inits)] {
            if let Some(name) = clash {
                return refuse(format!("the {kind} {name} is another one already"));
            }
        }
        let contexts = one(&mut self.security_context, other.security_context);
        if !(contexts && one(&mut self.command, other.command)) {
            return refuse("the executor's container has another command or privilege".into());
        }
        self.spread |= other.spread;
        union(&mut self.driver_jars, other.driver_jars, Clone::clone);
        union(&mut self.shipped_jars, other.shipped_jars, Clone::clone);
        union(&mut self.driver_files, other.driver_files, Clone::clone);
        union(&mut self.driver_options, other.driver_options, Clone::clone);
        union(&mut self.executor_options, other.executor_options, Clone::clone);
        union(&mut self.layers, other.layers, |layer| layer.diff_id().to_owned());
        Ok(())
    }

    /// Whether executor pods need a template, for what Spark's properties cannot set.
    pub(super) fn needs_template(&self) -> bool {
        !(self.volumes.is_empty()
            && self.mounts.is_empty()
            && self.init_containers.is_empty()
            && self.hosts.is_empty())
            || self.security_context.is_some()
            || self.command.is_some()
            || self.spread
    }
}

/// Adds new entries; returns the key of the first entry that conflicts with an existing one.
pub(super) fn union<T: PartialEq, K: PartialEq>(
    into: &mut Vec<T>,
    more: Vec<T>,
    key: impl Fn(&T) -> K,
) -> Option<K> {
    let mut clash = None;
    for thing in more {
        match into.iter().find(|had| key(had) == key(&thing)) {
            Some(had) if *had == thing => {}
            Some(_) => clash = clash.or(Some(key(&thing))),
            None => into.push(thing),
        }
    }
    clash
}

/// Sets a value that exists only once; false if it has another value already.
pub(super) fn one<T: PartialEq>(into: &mut Option<T>, more: Option<T>) -> bool {
    match (into.as_ref(), more) {
        (_, None) => true,
        (Some(had), Some(more)) => *had == more,
        (None, more) => {
            *into = more;
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut SessionOverlay)) -> SessionOverlay {
        let mut contribution = SessionOverlay::default();
        change(&mut contribution);
        contribution
    }

    fn volume(name: &str, host_path: &str) -> Volume {
        serde_json::from_value(serde_json::json!({"name": name, "hostPath": {"path": host_path}}))
            .expect("a volume")
    }

    #[test]
    fn the_same_thing_twice_is_one_thing() {
        let both = || {
            with(|c| {
                c.conf.insert("spark.a", "1");
                c.volumes.push(volume("data", "/data"));
                c.command = Some(vec!["sh".into()]);
            })
        };
        let mut merged = SessionOverlay::default();
        merged.add("one", both()).expect("first");
        merged.add("two", both()).expect("equal");
        assert_eq!((merged.conf.len(), merged.volumes.len()), (1, 1));
        assert!(merged.needs_template());
        assert!(!with(|c| c.conf.insert("a", "b")).needs_template());
    }

    #[test]
    fn a_contradiction_names_who_and_what() {
        let cases = [
            (
                with(|c| c.conf.insert("spark.a", "1")),
                with(|c| c.conf.insert("spark.a", "2")),
                "spark.a is 1 already",
            ),
            (
                with(|c| c.volumes.push(volume("data", "/data"))),
                with(|c| c.volumes.push(volume("data", "/other"))),
                "volume data",
            ),
            (
                with(|c| c.command = Some(vec!["a".into()])),
                with(|c| c.command = Some(vec!["b".into()])),
                "another command",
            ),
            (
                with(|c| c.hosts.extend([("store".to_owned(), [10, 0, 0, 1].into())])),
                with(|c| c.hosts.extend([("store".to_owned(), [10, 0, 0, 2].into())])),
                "host store",
            ),
        ];
        for (first, second, reason) in cases {
            let mut merged = SessionOverlay::default();
            merged.add("one", first).expect("first");
            let error = merged.add("two", second).expect_err(reason).to_string();
            assert!(error.contains("two") && error.contains(reason), "{error}");
        }
    }
}
