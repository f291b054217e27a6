//! A session that reads by several variants: each is proven, and its resources are removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures::future::join_all;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::{Body, Configuration, StepGuard};
use sparkproof_base::verdict::{FirstFailure, judged};
use sparkproof_catalog::{Expected, SessionKind, Variant, VariantId, read_check};
use sparkproof_judge::{COUNTERS_SCHEMA, Counters, ExpectedCopies, ExpectedCounters, Reads};
use sparkproof_measure::baseline::{Conditions, Files, counters_of};
use sparkproof_spark::session::{Frame, Placeholders, add_object, configuration};
use sparkproof_strategies::{
    DataSize, Dataset, HostCopy, Location, SetupCost, Strategy, StrategyContext,
};
use sparkproof_testbed::{EndedSession, Environment, LiveSession, ScenarioContext, SessionBuilder};

use super::furnished::Furnished;
use crate::checks::{read, tally};

/// A session that reads by variants.
pub struct ReadingSession<'a> {
    pub(super) proof: &'a ScenarioContext,
    pub(super) namespace: String,
    pub(super) subjects: Vec<Subject>,
    /// What executors read of variants that are not proven yet.
    pub(super) read: BTreeMap<VariantId, Reads>,
    /// The variants whose files were read: what they ask a store for the next time adds up.
    pub(super) read_before: BTreeSet<VariantId>,
    /// What the last reads of each variant cost.
    pub counters: BTreeMap<VariantId, Counters>,
    /// What its variants added to the session.
    pub(super) furnished: Furnished,
    /// Normalised tables of what each executor read, by variant, for the proven variants.
    pub tables: BTreeMap<String, String>,
    /// The session.
    pub live: LiveSession,
}

/// One variant in a session.
pub struct Subject {
    /// The strategy of the variant.
    pub strategy: Box<dyn Strategy>,
    /// The data that it reads.
    pub data: Dataset,
    /// The size that was asked for.
    pub(super) size: DataSize,
    pub(super) host: Option<HostCopy>,
    pub(super) setup: SetupCost,
}

/// Groups variants by the session that they need. On a cluster of one node every session is pinned.
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

impl ReadingSession<'_> {
    /// Its variants.
    pub fn variants(&self) -> Vec<&'static Variant> {
        self.subjects.iter().map(|s| s.strategy.variant()).collect()
    }

    /// The variant of this id.
    pub fn subject(&self, id: VariantId) -> Result<&Subject> {
        find(&self.subjects, id).map(|at| &self.subjects[at])
    }

    /// Proves that every variant is as declared; returns the first red.
    pub async fn prove_all(&mut self) -> Result<()> {
        self.read_all().await?;
        let mut first = FirstFailure::default();
        for variant in self.variants() {
            first.note(self.prove(variant.id).await)?;
        }
        first.or(())
    }

    /// Has executors read the files of all variants that can be read, which costs two stages
    /// instead of two for each variant.
    async fn read_all(&mut self) -> Result<()> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let scene = scene(context, environment, &self.namespace, self.live.executors());
        let mut located = Vec::new();
        for subject in &self.subjects {
            if !matches!(self.expected(subject)?, Expected::Refused(_)) {
                located.push((subject, subject.strategy.location(scene)));
            }
        }
        let cases: Vec<_> =
            located.iter().map(|(subject, location)| subject.seen(location, environment)).collect();
        if cases.is_empty() {
            return Ok(());
        }
        let step = StepGuard::begin(&context.recorder, "read", "every file, in executors".into());
        match read::read_all(&mut self.live, &cases).await {
            Ok(reads) => {
                self.read = cases.iter().map(|case| case.variant.id).zip(reads).collect();
                step.done("");
            }
            Err(error) if error.is_interruption() => return Err(error),
            // Each variant is then read alone, and its check says what fails.
            Err(error) => {
                self.read_before.extend(cases.iter().map(|case| case.variant.id));
                step.failed(&error);
            }
        }
        Ok(())
    }

    /// What is declared of a variant for this Spark version and this cluster.
    fn expected(&self, subject: &Subject) -> Result<Expected> {
        let environment = &self.proof.environment;
        let nodes = environment.cluster.executor_nodes().len();
        let (version, given) = (&environment.image.version, environment.plan.given());
        subject.strategy.variant().expected_with(version, nodes, &given)
    }

    /// Copies a variant's data into the pods again, after an executor was replaced.
    pub async fn populate(&mut self, id: VariantId) -> Result<()> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let scene = scene(context, environment, &self.namespace, self.live.executors());
        let at = find(&self.subjects, id)?;
        self.subjects[at].populate(scene, &self.live).await
    }

    /// Proves that one variant is as declared for this Spark version and this cluster.
    pub async fn prove(&mut self, id: VariantId) -> Result<()> {
        let expected = self.expected(self.subject(id)?)?;
        self.prove_to_be(id, expected).await
    }

    /// Proves that one variant is as expected.
    pub async fn prove_to_be(&mut self, id: VariantId, expected: Expected) -> Result<()> {
        let baseline = self.baseline(id)?;
        self.prove_with(id, expected, baseline).await
    }

    /// For controls: proves that one variant is as declared and costs what its earlier reads did.
    pub async fn prove_against(&mut self, id: VariantId, earlier: &Counters) -> Result<()> {
        let expected = self.expected(self.subject(id)?)?;
        let baseline = ExpectedCounters {
            schema: COUNTERS_SCHEMA,
            baseline: "earlier reads of this session".to_owned(),
            counters: earlier.0.clone(),
        };
        self.prove_with(id, expected, Ok(baseline)).await
    }

    /// The baseline of a variant's reads in this session.
    fn baseline(&self, id: VariantId) -> Result<read::Baseline> {
        if self.read_before.contains(&id) {
            return Ok(Err("its files were read in this session before".to_owned()));
        }
        let (environment, subject) = (&self.proof.environment, self.subject(id)?);
        let files = match subject.size {
            size if size == DataSize::default() => Some(Files::Default),
            size if size == DataSize::of_full_suite() => Some(Files::Full),
            _ => None,
        };
        let (plan, spark) = (&environment.plan, &environment.image.version);
        let conditions = match Conditions::of(plan, spark, self.live.executors(), files) {
            Ok(conditions) => conditions,
            Err(why) => return Ok(Err(why)),
        };
        let mut stores = subject.strategy.variant().stores.iter();
        let log = stores.all(|kind| environment.stores.get(*kind).is_ok_and(|it| it.has_log()));
        counters_of(id, &conditions, log)
    }

    async fn prove_with(
        &mut self,
        id: VariantId,
        expected: Expected,
        baseline: read::Baseline,
    ) -> Result<()> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let scene = scene(context, environment, &self.namespace, self.live.executors());
        let subject = &self.subjects[find(&self.subjects, id)?];
        let location = subject.strategy.location(scene);
        let seen = subject.seen(&location, environment);
        context.recorder.emit(Body::Configuration(subject.configuration(scene)?));
        if let Expected::Refused(words) = expected {
            return read::refused(context, &mut self.live, seen, &words).await;
        }
        if let Some(reason) = expected.impossible() {
            return Err(Error::internal(format!("{id} should have been skipped: {reason}")));
        }
        let mut figures = subject.setup.figures(seen.variant);
        let read = self.read.remove(&id);
        self.read_before.insert(id);
        let proven = read::prove(context, &mut self.live, seen, read, baseline, &mut figures).await;
        if expected == Expected::Pinned {
            read::pinned(context, &self.live, seen.variant).await?;
        }
        let (table, counters) = proven?;
        context.recorder.emit(Body::Reading(figures));
        self.counters.extend(counters.map(|counters| (id, counters)));
        self.tables.insert(id.to_string(), table.normalised());
        Ok(())
    }

    /// Green and all checks of its variants, by strategy, in words.
    pub fn tally(&self) -> String {
        let variants = self.variants();
        let is_here = |id: &str| {
            read_check(id).is_some_and(|of| variants.iter().any(|v| of.variant.parse() == Ok(v.id)))
        };
        let verdicts = self.proof.context.recorder.verdicts();
        tally(verdicts.iter().filter(|(id, _)| is_here(id)).map(|(id, outcome)| (&**id, outcome)))
    }

    /// Reads the DataFrame of one variant only.
    pub async fn prove_frame(&mut self, id: VariantId) -> Result<()> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let scene = scene(context, environment, &self.namespace, self.live.executors());
        let subject = &self.subjects[find(&self.subjects, id)?];
        let location = subject.strategy.location(scene);
        let seen = subject.seen(&location, environment);
        let mut figures = subject.setup.figures(seen.variant);
        read::frame(context, &mut self.live, seen, &mut figures).await.map(drop)
    }

    /// Looks for the reads of one variant in the log of its store only.
    pub async fn prove_server(&mut self, id: VariantId) -> Result<()> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let scene = scene(context, environment, &self.namespace, self.live.executors());
        let subject = &self.subjects[find(&self.subjects, id)?];
        let location = subject.strategy.location(scene);
        let kind = location.store.ok_or_else(|| Error::internal("it reads from no store"))?;
        let (driver, seen) = (self.live.driver_address(), subject.seen(&location, environment));
        let mut figures = subject.setup.figures(seen.variant);
        read::server(context, driver, seen, kind, &mut figures).await.map(drop)
    }

    /// The context of its strategies.
    pub fn scene(&self) -> StrategyContext<'_> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        scene(context, environment, &self.namespace, self.live.executors())
    }

    /// Another session that reads the same files beside this one.
    ///
    /// # Errors
    /// Internal: a variant's files belong to one session (a claim, a copy in pods).
    pub async fn beside(
        &self,
        change: impl FnOnce(SessionBuilder<'_>) -> SessionBuilder<'_>,
    ) -> Result<LiveSession> {
        if let Some(variant) = self.variants().into_iter().find(|variant| !shares(variant.id)) {
            return Err(Error::internal(format!("{} belongs to one session", variant.id)));
        }
        let ground = change(self.proof.session().strict(true)).grant().await?;
        self.furnished.onto(ground).start().await
    }

    /// A read of each of a variant's tables as a DataFrame.
    pub fn frames(&self, id: VariantId) -> Result<Vec<(String, Frame)>> {
        let subject = self.subject(id)?;
        let location = subject.strategy.location(self.scene());
        let case = subject.seen(&location, &self.proof.environment);
        Ok(case.frames(self.live.executors()))
    }

    /// Stops the session and removes what variants created outside its namespace.
    pub async fn stop(self) -> Result<EndedSession> {
        let ReadingSession { proof, namespace, mut subjects, live, .. } = self;
        let executors = live.executors();
        let ended = live.stop().await?;
        let scene = scene(&proof.context, &proof.environment, &namespace, executors);
        // Side by side: most of it waits for Kubernetes.
        let cleaned = join_all(subjects.iter_mut().map(|subject| subject.cleanup(scene))).await;
        cleaned.into_iter().collect::<Result<()>>()?;
        Ok(ended)
    }
}

/// Whether several sessions can read a variant's files: they lie on nodes, in the image or in a store.
pub fn shares(id: VariantId) -> bool {
    use VariantId::{Copy, S3fsExecutor};
    let number = id.strategy().number;
    match id {
        Copy | S3fsExecutor => false,
        VariantId::HostPath => true,
        _ => number != "3",
    }
}

pub(super) fn scene<'a>(
    context: &'a Context,
    environment: &'a Environment,
    namespace: &'a str,
    executors: u32,
) -> StrategyContext<'a> {
    StrategyContext { context, environment, namespace, executors }
}

/// Index of the variant with this id.
fn find(subjects: &[Subject], id: VariantId) -> Result<usize> {
    let found = subjects.iter().position(|s| s.strategy.variant().id == id);
    found.ok_or_else(|| Error::internal(format!("{id} is not in this session")))
}

impl Subject {
    /// The case that the checks prove.
    fn seen<'a>(
        &'a self,
        location: &'a Location,
        environment: &'a Environment,
    ) -> read::ReadCase<'a> {
        let (variant, stores) = (self.strategy.variant(), &environment.stores);
        read::ReadCase { variant, location, data: &self.data, stores }
    }

    /// The configuration of its session.
    fn configuration(&self, scene: StrategyContext<'_>) -> Result<Configuration> {
        let names = Placeholders::for_run(scene.context, &self.data.nonce);
        let (id, spark) = (self.strategy.variant().id, &scene.environment.image.version);
        let (uri, added) = (self.strategy.location(scene).uri, self.strategy.contribute(scene)?);
        let mut got = configuration(id, spark, &uri, &added, &names)?;
        for object in self.strategy.objects() {
            add_object(&mut got, &object, &names)?;
        }
        Ok(got)
    }

    /// Its data, and its path for a driver in a container.
    pub(super) fn driver_mount(&self, scene: StrategyContext<'_>) -> Option<(PathBuf, PathBuf)> {
        let path = self.strategy.location(scene).driver_path?;
        Some((self.data.dir.clone(), path))
    }

    /// Removes what it created outside the session's namespace.
    pub(super) async fn cleanup(&mut self, scene: StrategyContext<'_>) -> Result<()> {
        self.strategy.cleanup(scene).await?;
        match &self.host {
            Some(host) => host.cleanup(scene.context).await,
            None => Ok(()),
        }
    }

    pub(super) async fn populate(
        &mut self,
        scene: StrategyContext<'_>,
        live: &LiveSession,
    ) -> Result<()> {
        let variant = self.strategy.variant();
        let title = format!("{}: its data is in place in the pods", variant.title);
        let Subject { strategy, data, setup, .. } = self;
        if !strategy.populates() {
            return Ok(());
        }
        let id = format!("read.{}.populated", variant.id);
        let expected = ExpectedCopies {
            executors: scene.executors,
            uri: strategy.location(scene).uri,
            files: data.files().map(|f| (f.path.clone(), f.sha256.clone())).collect(),
        };
        let look = async || {
            let (more, copies) = strategy.populate(scene, data, live).await?;
            *setup = *setup + more;
            Ok(copies)
        };
        judged(scene.context, (&id, &title), expected, look).await.map(drop)
    }
}
