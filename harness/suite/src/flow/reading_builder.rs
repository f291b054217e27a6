//! Builds a reading session: access, data, image, session, data in pods.

use sparkproof_catalog::VariantId;
use std::collections::{BTreeMap, BTreeSet};

use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::{FirstFailure, check};
use sparkproof_catalog::Variant;
use sparkproof_catalog::plan::{DriverPlace, FrontEnd};
use sparkproof_images::load_layered;
use sparkproof_images::spark::python_layers;
use sparkproof_kubernetes::access::Rule;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_strategies::{
    DataSize, Dataset, HostCopy, SetupCost, Strategy, StrategyContext, strategy_of,
};
use sparkproof_testbed::{ScenarioContext, SessionBuilder};

use super::furnished::Furnished;
use super::reading::{ReadingSession, Subject, scene};

/// Options of a reading session.
pub struct ReadingBuilder<'a> {
    session: SessionBuilder<'a>,
    variants: Vec<&'static Variant>,
    size: DataSize,
    bare: bool,
    change: Box<dyn FnOnce(&mut SessionOverlay) + 'a>,
}

impl<'a> ReadingBuilder<'a> {
    /// A builder for a session that reads by these variants.
    pub fn new(proof: &'a ScenarioContext, variants: &[&'static Variant]) -> Self {
        let session = proof.session();
        ReadingBuilder {
            session: session.strict(true),
            variants: variants.to_vec(),
            size: DataSize::default(),
            bare: false,
            change: Box::new(|_| {}),
        }
    }

    /// Sets the size of the data.
    #[must_use]
    pub fn size(mut self, size: DataSize) -> Self {
        self.size = size;
        self
    }

    /// Changes the session's specification.
    #[must_use]
    pub fn session(
        mut self,
        change: impl FnOnce(SessionBuilder<'a>) -> SessionBuilder<'a>,
    ) -> Self {
        self.session = change(self.session);
        self
    }

    /// For controls: uses the image without the variants' layers, so that executors lack jars and
    /// baked data.
    #[must_use]
    pub fn bare_image(mut self) -> Self {
        self.bare = true;
        self
    }

    /// For controls: changes what the variants contribute to the session.
    #[must_use]
    pub fn change(mut self, change: impl FnOnce(&mut SessionOverlay) + 'a) -> Self {
        self.change = Box::new(change);
        self
    }

    /// Prepares the variants, starts the session and copies the data to where executors read it. A
    /// variant that cannot be set up is a red check and not in the session; the first such error is
    /// returned with the session.
    pub async fn start(self) -> Result<(ReadingSession<'a>, Option<Error>)> {
        let ReadingBuilder { session, variants, size, bare, change } = self;
        let proof = session.proof();
        let (context, environment) = (&proof.context, &proof.environment);
        let mut first = FirstFailure::default();
        let strategies = variants.iter().copied().map(strategy_of);
        let mut strategies = strategies.collect::<Result<Vec<_>>>()?;
        let verbs: Vec<Rule> = strategies.iter().flat_map(|s| s.verbs()).collect();
        let ground = session.verbs(&verbs).grant().await?;
        let namespace = ground.access().namespace.clone();
        let scene = scene(context, environment, &namespace, ground.executors());
        let driver = ground.driver();
        // PySpark in a pod uses the image's Python.
        let in_pod = driver == DriverPlace::Pod && ground.front_end() == FrontEnd::Pyspark;
        let phase = context.recorder.phase("prepare");
        let prepared = async {
            let mut subjects = Vec::new();
            for strategy in strategies.drain(..) {
                let step = phase.step(strategy.variant().id.to_string());
                let prepared = prepare(scene, strategy, size, driver).await;
                match &prepared {
                    Ok(_) => step.done(""),
                    Err(error) => step.failed(error),
                }
                subjects.extend(first.note(prepared)?);
            }
            let (image, mut added) = furnish(scene, &mut subjects, in_pod).await?;
            change(&mut added);
            Ok((subjects, image, added))
        }
        .await;
        let (subjects, image, added) = phase.end(prepared, |(subjects, image, _)| {
            let image = image.as_ref().map_or(String::new(), |i| format!(", image {i}"));
            format!("{} of {} variants{image}", subjects.len(), variants.len())
        })?;
        let mounts = match driver {
            DriverPlace::Host => Vec::new(),
            DriverPlace::Container | DriverPlace::Pod => {
                subjects.iter().filter_map(|s| s.driver_mount(scene)).collect()
            }
        };
        let image = image.filter(|_| !bare);
        let furnished = Furnished { image, added, mounts };
        let started = furnished.onto(ground).start().await;
        let live = match started {
            Ok(live) => live,
            Err(error) => {
                for mut subject in subjects {
                    left_out(scene, subject.cleanup(scene).await);
                }
                return Err(error);
            }
        };
        let phase = context.recorder.phase("populate");
        let mut populated = Vec::new();
        for mut subject in subjects {
            match first.note(subject.populate(scene, &live).await)? {
                Some(()) => populated.push(subject),
                None => left_out(scene, subject.cleanup(scene).await),
            }
        }
        let done = format!("{} of {} variants", populated.len(), variants.len());
        phase.end(Ok(()), |()| done)?;
        let session = ReadingSession {
            proof,
            namespace,
            subjects: populated,
            read: BTreeMap::new(),
            read_before: BTreeSet::new(),
            counters: BTreeMap::new(),
            tables: BTreeMap::new(),
            furnished,
            live,
        };
        Ok((session, first.into_error()))
    }
}

/// Generates a variant's data and copies it to where it must be before there are pods. After a
/// failure it is removed again.
async fn prepare(
    scene: StrategyContext<'_>,
    strategy: Box<dyn Strategy>,
    size: DataSize,
    driver: DriverPlace,
) -> Result<Subject> {
    let context = scene.context;
    let variant = strategy.variant();
    let of_suite = size;
    let size = strategy.limit(size);
    // A nonce in every row, so that data of another variant or run cannot pass for this.
    let nonce = format!("{}-{}-{:08x}", context.run.id(), variant.id, rand::random::<u32>());
    let dir = context.run.dir().join(format!("data-{nonce}"));
    let generated = tokio::task::spawn_blocking(move || Dataset::generate(&dir, &nonce, size));
    let data = generated.await.or_internal("generating data")??;
    let mut subject =
        Subject { strategy, data, size: of_suite, host: None, setup: SetupCost::default() };
    let id = format!("read.{}.prepared", variant.id);
    let title = format!("{}: its data is in place before the session", variant.title);
    let prepared = check(context, &id, &title, async |findings| {
        let Subject { strategy, data, host, setup, .. } = &mut subject;
        *setup = strategy.prepare(scene, data).await?;
        let location = strategy.location(scene);
        // A driver on this host reads the data there.
        if let (Some(path), DriverPlace::Host) = (&location.driver_path, driver) {
            *host = Some(HostCopy::make(context, path, data).await?);
        }
        findings.add("location", &location.uri);
        findings.add("bytes", data.bytes());
        findings.add("seconds", format!("{:.2}", setup.seconds));
        Ok(())
    })
    .await;
    match prepared {
        Ok(()) => Ok(subject),
        Err(error) => {
            left_out(scene, subject.cleanup(scene).await);
            Err(error)
        }
    }
}

/// Cleans up after a variant that is not in the session; what cannot be removed stays in the ledger
/// for the teardown.
fn left_out(scene: StrategyContext<'_>, undone: Result<()>) {
    if let Err(error) = undone {
        scene.context.recorder.warn(format!("kept for the teardown: {error}"));
    }
}

/// Merges what the variants contribute, and adds their layers to the session's image. Baked data,
/// which is new in every run, is the last layer, so that the layers below stay cached on the nodes.
async fn furnish(
    scene: StrategyContext<'_>,
    subjects: &mut [Subject],
    python: bool,
) -> Result<(Option<String>, SessionOverlay)> {
    let environment = scene.environment;
    let mut all = SessionOverlay::default();
    let mut image = None;
    let mut python = match (&environment.engine, python) {
        (Some(engine), true) => {
            python_layers(scene.context, engine, "prepare", &environment.image).await?
        }
        _ => Vec::new(),
    };
    let (lasting, baked): (Vec<_>, Vec<_>) =
        subjects.iter_mut().partition(|subject| subject.strategy.variant().id != VariantId::Baked);
    for subject in lasting.into_iter().chain(baked) {
        let variant = subject.strategy.variant();
        let had = all.layers.len();
        all.add(&variant.id.to_string(), subject.strategy.contribute(scene)?)?;
        if all.layers.len() == had {
            continue;
        }
        let Some(engine) = &environment.engine else {
            return Err(Error::environment(format!(
                "{} needs layers on the image, which only nodes that sparkproof made can get",
                variant.id
            )));
        };
        // The lowest layer.
        all.layers.splice(0..0, python.drain(..));
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
