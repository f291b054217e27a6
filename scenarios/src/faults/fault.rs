//! A fault that is made for real: what is done, and what must be said.

use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::session::{ApplicationSpec, SessionOverlay};
use sparkproof::verdict::Cause;

use super::between::Meddling;

/// One step of making a fault, or of its cure. In all texts `$RUN` is the id of the scenario's run,
/// `$IMAGE` the session's image, `$NODE` and `$ADDRESS` a node on which executors run, `$PORT` the port of a
/// server between driver and API server; in YAML of objects also `$NAMESPACE` and `$ACCOUNT`.
#[derive(Debug, Clone)]
pub enum Change {
    /// Makes these objects before the session, or changes them.
    Put(&'static str),
    /// Makes this Node, which has no kubelet, and removes it after the session.
    Node(&'static str),
    /// Deletes these objects before the session.
    Remove(&'static str),
    /// Waits until the API server refuses an ordinary pod with these words.
    Refused(&'static str),
    /// Waits until the pod of this name runs.
    Runs(&'static str),
    /// Makes these objects as soon as an executor is on a node.
    OncePlaced(&'static str),
    /// Evicts each executor that runs.
    Evicting,
    /// Deletes the executors that there are as soon as one is on a node.
    Dropping,
    /// Changes the driver's kubeconfig: the value at a JSON pointer.
    Kubeconfig(&'static str, &'static str),
    /// How the driver's kubeconfig logs in: its user, as JSON.
    Login(&'static str),
    /// A server between driver and API server.
    Between(Meddling),
    /// A template of executors' pods.
    Template(Template),
    /// A template of the session's pods, by `--pod-template`.
    PodTemplate(Template),
    /// `--restricted`.
    Restricted,
    /// Millicores that each executor may use, by `--executor-cpu-limit`.
    CpuLimit(u64),
    /// Millicores that a driver's pod requests and may use, by `--driver-cpu` and `--driver-cpu-limit`.
    DriverCpu(u64),
    /// An init container of executors' pods, as JSON; also with a driver in a pod.
    Init(&'static str),
    /// A file on top of the session's image: path and content.
    Layer(&'static str, &'static [u8]),
    /// A setting.
    Conf(&'static str, &'static str),
    /// The number of executors, which lowers their CPU.
    Executors(u32),
    /// Millicores of each executor.
    Cpu(u64),
    /// Mebibytes of each executor's heap.
    Memory(u64),
    /// The image of executors.
    Image(&'static str),
    /// Where the driver is.
    Driver(DriverPlace),
    /// The shell that starts the session.
    FrontEnd(FrontEnd),
    /// The driver's address for executors; it listens at its own.
    Advertise([u8; 4]),
    /// The address at which the driver listens.
    Bind([u8; 4]),
    /// The API server's URL for the driver.
    Server(&'static str),
    /// A verb that the account lacks.
    Without(&'static str, &'static str),
    /// A verb that the account has besides those that every session needs.
    May(&'static str, &'static str),
    /// The session is `local[*]`.
    LocalMaster,
    /// The session starts, and then reads.
    Read(Read),
    /// The session starts, this script runs in each executor, and then a barrier stage.
    Broken(&'static str),
    /// An application in cluster mode, not a session. Of the other changes it heeds objects, verbs and
    /// settings.
    Application(Application),
}

/// Lines of YAML for a pod template.
#[derive(Debug, Clone, Copy, Default)]
pub struct Template {
    /// Fields of the pod's specification.
    pub pod: &'static str,
    /// Fields of the executor's container.
    pub container: &'static str,
    /// Other containers, as a list.
    pub beside: &'static str,
}

/// A template with these fields of the pod's specification.
pub const fn pod(fields: &'static str) -> Change {
    Change::Template(Template { pod: fields, container: "", beside: "" })
}

/// A template with these fields of the executor's container.
pub const fn container(fields: &'static str) -> Change {
    Change::Template(Template { pod: "", container: fields, beside: "" })
}

/// A read that goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// The way of reading.
    pub variant: VariantId,
    /// Changes what the variant adds to the session.
    pub change: fn(&mut SessionOverlay),
    /// Whether executors have the image without the variant's layers.
    pub bare: bool,
    /// A script for the first executor after the start; `$1` is the path of the large file.
    pub script: Option<&'static str>,
    /// Another Hadoop, whose jars driver and executors get.
    pub hadoop: Option<&'static str>,
}

/// An application by `spark-submit`.
#[derive(Debug, Clone, Copy)]
pub struct Application {
    /// A program in Python; without one it is Spark's π on the JVM.
    pub program: Option<&'static str>,
    /// Whether it gets what reads the run's S3 store.
    pub s3: bool,
    /// Changes its specification.
    pub change: fn(&mut ApplicationSpec),
}

/// An application in Python that is not changed.
pub const fn python(program: &'static str) -> Change {
    Change::Application(Application { program: Some(program), s3: false, change: |_| {} })
}

/// π on the JVM.
pub const fn pi(change: fn(&mut ApplicationSpec)) -> Change {
    Change::Application(Application { program: None, s3: false, change })
}

impl Template {
    /// The template as YAML; `name` is the name of the executor's container.
    pub fn yaml(&self, name: &str) -> String {
        let indented = |text: &str, by: &str| -> String {
            text.lines().map(|line| format!("{by}{line}\n")).collect()
        };
        format!(
            "apiVersion: v1\nkind: Pod\nspec:\n{}  containers:\n{}  - name: {name}\n{}",
            indented(self.pod, "  "),
            indented(self.beside, "  "),
            indented(self.container, "    ")
        )
    }
}

/// A fault.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its name, in kebab case.
    pub id: &'static str,
    /// Its group.
    pub group: &'static str,
    /// How it is made.
    pub changes: Vec<Change>,
    /// The cause that must be named. Others after it are as right: the field has two names for it.
    pub expected: Vec<Cause>,
    /// All causes that act; empty if it is one.
    pub both: Vec<Cause>,
    /// Words that the message must contain.
    pub words: Vec<&'static str>,
    /// What the loudest symptom looks like, if that is another cause.
    pub loudest: Option<Cause>,
    /// Further changes with which the session must start.
    pub cure: Vec<Change>,
}

impl Fault {
    /// A fault with its cause.
    pub fn new(id: &'static str, expected: Cause) -> Fault {
        Fault {
            id,
            group: "",
            changes: Vec::new(),
            expected: vec![expected],
            both: Vec::new(),
            words: Vec::new(),
            loudest: None,
            cure: Vec::new(),
        }
    }

    /// Two causes that act at once; either may have stopped the session first.
    pub fn two(id: &'static str, one: Cause, other: Cause) -> Fault {
        Fault { both: vec![one, other], ..Fault::new(id, one) }.or(other)
    }

    /// Adds a change.
    #[must_use]
    pub fn with(mut self, change: Change) -> Fault {
        self.changes.push(change);
        self
    }

    /// Another name that is as right.
    #[must_use]
    pub fn or(mut self, cause: Cause) -> Fault {
        self.expected.push(cause);
        self
    }

    /// Words of the message.
    #[must_use]
    pub fn says(mut self, words: &[&'static str]) -> Fault {
        self.words.extend(words);
        self
    }

    /// The cause that the loudest symptom suggests.
    #[must_use]
    pub fn not(mut self, loudest: Cause) -> Fault {
        self.loudest = Some(loudest);
        self
    }

    /// A change that cures it.
    #[must_use]
    pub fn cured_by(mut self, change: Change) -> Fault {
        self.cure.push(change);
        self
    }

    /// The outcome for the causes that were named, the first one first.
    pub fn judge(&self, named: &[Cause]) -> Judgement {
        let Some(first) = named.first() else { return Judgement::Unknown };
        if *first == Cause::Unknown {
            return Judgement::Unknown;
        }
        let all = self.both.iter().all(|cause| named.contains(cause));
        match self.expected.contains(first) && all {
            true => Judgement::Right,
            false => Judgement::Wrong,
        }
    }
}

/// How a fault came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The right name.
    Right,
    /// A wrong name, or one of two.
    Wrong,
    /// No name.
    Unknown,
    /// The session started.
    Green,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_counts_and_of_two_causes_both_are_named() {
        let one = Fault::new("x", Cause::Taint).or(Cause::NodeSelector);
        assert_eq!(one.judge(&[Cause::NodeSelector]), Judgement::Right);
        assert_eq!(one.judge(&[Cause::InsufficientCpu, Cause::Taint]), Judgement::Wrong);
        assert_eq!(one.judge(&[]), Judgement::Unknown);
        assert_eq!(one.judge(&[Cause::Unknown]), Judgement::Unknown);
        let two = Fault::two("y", Cause::SecretMissing, Cause::QuotaExceeded);
        assert_eq!(two.judge(&[Cause::QuotaExceeded]), Judgement::Wrong);
        assert_eq!(two.judge(&[Cause::QuotaExceeded, Cause::SecretMissing]), Judgement::Right);
    }

    #[test]
    fn a_template_has_the_executors_container_among_others() {
        let template = Template {
            pod: "hostNetwork: true\nnodeName: n",
            container: "command: [sh]",
            beside: "- {name: other, image: i}",
        };
        assert_eq!(
            template.yaml("executor"),
            "apiVersion: v1\nkind: Pod\nspec:\n  hostNetwork: true\n  nodeName: n\n  containers:\n  \
             - {name: other, image: i}\n  - name: executor\n    command: [sh]\n"
        );
    }
}
