//! The reading strategies in one session: variants prepared, the session started, each variant
//! proven, what they made given back.

use std::collections::BTreeMap;

use super::{Ended, Environment, Live, Proof, SessionBuilder};
use crate::access::Rule;
use crate::checks::{check, read};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::events::Body;
use crate::images::load_layered;
use crate::measure::Figures;
use crate::read::{
    DataSize, Dataset, Expected, HostCopy, Scene, SessionKind, Setup, Strategy, Variant,
    strategy_of,
};
use crate::session::Contribution;

/// A session that reads.
pub struct ReadingSession<'a> {
    proof: &'a Proof,
    namespace: String,
    subjects: Vec<Subject>,
    /// The session itself.
    pub live: Live,
}

/// One variant in a session.
pub struct Subject {
    /// The variant at work.
    pub strategy: Box<dyn Strategy>,
    /// What it shall read.
    pub data: Dataset,
    host: Option<HostCopy>,
    setup: Setup,
    proven: bool,
}

/// Variants by the session they need. On a cluster of one node every session is pinned.
pub fn by_session(
    chosen: &[&'static Variant],
    nodes: usize,
) -> BTreeMap<SessionKind, Vec<&'static Variant>> {
    let mut sessions = BTreeMap::<_, Vec<_>>::new();
    for variant in chosen {
        let kind = match variant.session {
            SessionKind::Pinned if nodes < 2 => SessionKind::Shared,
            kind => kind,
        };
        sessions.entry(kind).or_default().push(*variant);
    }
    sessions
}

impl<'a> ReadingSession<'a> {
    /// Prepares the variants, starts the session and puts the data where executors read. A variant
    /// that cannot be set up is a red check and left out; the first such error is returned beside
    /// the session.
    pub async fn start(
        wanted: SessionBuilder<'a>,
        variants: &[&'static Variant],
        size: DataSize,
    ) -> Result<(Self, Option<Error>)> {
        let proof = wanted.proof();
        let (context, environment) = (&proof.context, &proof.environment);
        let mut first = None;
        let mut strategies: Vec<_> = variants.iter().copied().map(strategy_of).collect();
        let verbs: Vec<Rule> = strategies.iter().flat_map(|s| s.verbs()).collect();
        let ground = wanted.verbs(&verbs).grant().await?;
        let namespace = ground.access().namespace.clone();
        let scene = scene(context, environment, &namespace, ground.executors());
        let phase = context.recorder.phase("prepare");
        let prepared = async {
            let mut subjects = Vec::new();
            for strategy in strategies.drain(..) {
                let step = phase.step(&strategy.variant().id);
                match prepare(scene, strategy, size).await {
                    Ok(subject) => {
                        step.done("");
                        subjects.push(subject);
                    }
                    Err(error) if error.is_interruption() => return Err(error),
                    Err(error) => {
                        step.failed(&error);
                        first = first.take().or(Some(error));
                    }
                }
            }
            let (image, added) = furnish(scene, &mut subjects).await?;
            Ok((subjects, image, added))
        }
        .await;
        let (mut subjects, image, added) = phase.end(prepared, |(subjects, image, _)| {
            let image = image.as_ref().map_or(String::new(), |i| format!(", image {i}"));
            format!("{} of {} variants{image}", subjects.len(), variants.len())
        })?;
        let live = ground.with(image, added).start().await?;
        let phase = context.recorder.phase("populate");
        let mut populated = Vec::new();
        for mut subject in subjects.drain(..) {
            match subject.populate(scene, &live).await {
                Ok(()) => populated.push(subject),
                Err(error) if error.is_interruption() => return Err(error),
                Err(error) => first = first.take().or(Some(error)),
            }
        }
        let done = format!("{} of {} variants", populated.len(), variants.len());
        phase.end(Ok(()), |()| done)?;
        Ok((ReadingSession { proof, namespace, subjects: populated, live }, first))
    }

    /// Its variants.
    pub fn variants(&self) -> Vec<&'static Variant> {
        self.subjects.iter().map(|s| s.strategy.variant()).collect()
    }

    /// The variant of this id.
    pub fn subject(&self, id: &str) -> Result<&Subject> {
        let found = self.subjects.iter().find(|s| s.strategy.variant().id == id);
        found.ok_or_else(|| Error::internal(format!("{id} is not in this session")))
    }

    /// Proves every variant to be as declared; returns the first red.
    pub async fn prove_all(&mut self) -> Result<()> {
        let mut first = None;
        for variant in self.variants() {
            match self.prove(&variant.id).await {
                Ok(()) => self
                    .subjects
                    .iter_mut()
                    .filter(|s| s.strategy.variant().id == variant.id)
                    .for_each(|s| s.proven = true),
                Err(error) if error.is_interruption() => return Err(error),
                Err(error) => first = first.take().or(Some(error)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Proves one variant to be as declared for this Spark and this cluster.
    pub async fn prove(&mut self, id: &str) -> Result<()> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let scene = scene(context, environment, &self.namespace, self.live.executors());
        let found = self.subjects.iter().find(|s| s.strategy.variant().id == id);
        let subject =
            found.ok_or_else(|| Error::internal(format!("{id} is not in this session")))?;
        let variant = subject.strategy.variant();
        let nodes = environment.cluster.executor_nodes().len();
        let expected = variant.expected(&environment.image.version, nodes)?;
        let location = subject.strategy.location(scene);
        let seen = read::Subject {
            variant,
            location: &location,
            data: &subject.data,
            stores: &environment.stores,
        };
        if let Expected::Refused(words) = expected {
            return read::refused(context, &mut self.live, seen, &words).await;
        }
        let mut figures = Figures::of(variant, subject.setup);
        let proven = read::prove(context, &mut self.live, seen, &mut figures).await;
        if expected == Expected::Pinned {
            read::pinned(context, &self.live, variant).await?;
        }
        proven?;
        context.recorder.emit(Body::Reading(figures));
        Ok(())
    }

    /// Puts a variant's data into the pods again, after some were replaced.
    pub async fn populate(&mut self, id: &str) -> Result<()> {
        let ReadingSession { proof, namespace, subjects, live } = self;
        let scene = scene(&proof.context, &proof.environment, namespace, live.executors());
        let found = subjects.iter_mut().find(|s| s.strategy.variant().id == id);
        let subject =
            found.ok_or_else(|| Error::internal(format!("{id} is not in this session")))?;
        subject.populate(scene, live).await
    }

    /// How many variants of each strategy were proven, in words.
    pub fn tally(&self) -> String {
        let mut counts = BTreeMap::<&str, (usize, usize)>::new();
        for subject in &self.subjects {
            let (proven, all) = counts.entry(subject.strategy.variant().number()).or_default();
            *proven += usize::from(subject.proven);
            *all += 1;
        }
        let name = |number: &str| match number {
            "0" => "copy",
            "1" => "baked",
            "2" => "mount",
            "3" => "volume",
            _ => "remote",
        };
        let words = counts
            .iter()
            .map(|(number, (proven, all))| format!("{number} {} {proven}/{all}", name(number)));
        words.collect::<Vec<_>>().join(" · ")
    }

    /// Where the reading takes place.
    pub fn scene(&self) -> Scene<'_> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        scene(context, environment, &self.namespace, self.live.executors())
    }

    /// Stops the session and takes away what variants made outside its namespace.
    pub async fn stop(self) -> Result<Ended> {
        let ReadingSession { proof, namespace, subjects, live } = self;
        let executors = live.executors();
        let ended = live.stop().await?;
        let scene = scene(&proof.context, &proof.environment, &namespace, executors);
        for mut subject in subjects {
            subject.strategy.undo(scene).await?;
            if let Some(host) = &subject.host {
                host.undo(scene.context).await?;
            }
        }
        Ok(ended)
    }
}

fn scene<'a>(
    context: &'a Context,
    environment: &'a Environment,
    namespace: &'a str,
    executors: u32,
) -> Scene<'a> {
    Scene { context, environment, namespace, executors }
}

/// Generates a variant's data and brings it where it must be before there are pods.
async fn prepare(
    scene: Scene<'_>,
    mut strategy: Box<dyn Strategy>,
    size: DataSize,
) -> Result<Subject> {
    let context = scene.context;
    let variant = strategy.variant();
    check(
        context,
        &format!("read.{}.prepared", variant.id),
        &format!("{}: its data is in place before the session", variant.title),
        async |findings| {
            let size = strategy.limit(size);
            // In every row, so that neither another variant nor an earlier run can answer for this.
            let nonce =
                format!("{}-{}-{:08x}", context.run.id(), variant.id, rand::random::<u32>());
            let dir = context.run.dir().join(format!("data-{nonce}"));
            let generated =
                tokio::task::spawn_blocking(move || Dataset::generate(&dir, &nonce, size)).await;
            let data = generated.or_internal("generating data")??;
            let setup = strategy.prepare(scene, &data).await?;
            let location = strategy.location(scene);
            let host = match &location.driver_path {
                Some(path) => Some(HostCopy::make(context, path, &data).await?),
                None => None,
            };
            findings.add("location", &location.uri);
            findings.add("bytes", data.bytes());
            findings.add("seconds", format!("{:.2}", setup.seconds));
            Ok(Subject { strategy, data, host, setup, proven: false })
        },
    )
    .await
}

impl Subject {
    async fn populate(&mut self, scene: Scene<'_>, live: &Live) -> Result<()> {
        let variant = self.strategy.variant();
        let title = format!("{}: its data is in place in the pods", variant.title);
        let Subject { strategy, data, setup, .. } = self;
        if !strategy.populates() {
            return Ok(());
        }
        let id = format!("read.{}.populated", variant.id);
        check(scene.context, &id, &title, async |findings| {
            let more = strategy.populate(scene, data, live).await?;
            findings.add("seconds", format!("{:.2}", more.seconds));
            findings.add("bytes", more.bytes_to_nodes);
            *setup = *setup + more;
            Ok(())
        })
        .await
    }
}

/// Merges what the variants contribute, and puts the layers they want on the session's image. Those
/// that change with every run come last, on top: what lies below stays on the nodes.
async fn furnish(
    scene: Scene<'_>,
    subjects: &mut [Subject],
) -> Result<(Option<String>, Contribution)> {
    let environment = scene.environment;
    let mut all = Contribution::default();
    let mut image = None;
    for subject in subjects.iter_mut().rev() {
        let variant = subject.strategy.variant();
        let had = all.layers.len();
        all.add(&variant.id, subject.strategy.contribute(scene)?)?;
        if all.layers.len() == had {
            continue;
        }
        let Some(engine) = &environment.engine else {
            return Err(Error::environment(format!(
                "{} needs layers on the image, which only nodes of ours can be given",
                variant.id
            )));
        };
        let base = &environment.image.reference;
        let number = all.layers.len();
        let reference = format!("{base}-{}-{number}", scene.context.run.id());
        let nodes = environment.cluster.executor_nodes();
        let loaded =
            load_layered(scene.context, engine, &nodes, base, &reference, &all.layers).await?;
        subject.setup.seconds += loaded.seconds;
        subject.setup.bytes_to_nodes += loaded.bytes_sent;
        image = Some(reference);
    }
    Ok((image, all))
}
