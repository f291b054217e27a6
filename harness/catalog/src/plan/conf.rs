//! Spark configuration: which values are secret, and which keys sparkproof sets itself.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::Secrets;
use sparkproof_base::ledger::labels::{KUBE_RUN, KUBE_SESSION};

/// Spark's default pattern for secret keys, with more names (`spark.redaction.regex`).
pub const REDACTION: &str = "(?i)secret|password|token|access[.]?key|account[.]?key|credential|oauth|\
                         keytab|passphrase|signature|[.]sas[.]";

/// The settings of a strict session. By default, a task that fails on one executor is tried again
/// on another, and a job stays green with a broken executor (measured).
pub const STRICT: [(&str, &str); 10] = [
    ("spark.task.maxFailures", "1"),
    ("spark.stage.maxConsecutiveAttempts", "1"),
    ("spark.speculation", "false"),
    ("spark.excludeOnFailure.enabled", "false"),
    ("spark.sql.files.ignoreMissingFiles", "false"),
    ("spark.sql.files.ignoreCorruptFiles", "false"),
    // All executors share the work from the first task on.
    ("spark.locality.wait", "0s"),
    ("spark.scheduler.minRegisteredResourcesRatio", "1.0"),
    ("spark.scheduler.maxRegisteredResourcesWaitingTime", "120s"),
    // On since Parquet 1.16 (Spark 4.1); its reads are in no metric: 10 802 bytes of a 7.3 MB scan.
    ("spark.hadoop.parquet.hadoop.vectored.io.enabled", "false"),
];

/// The settings of `abfs://` for every store, with TLS or without. They are known before a store is
/// started, so that a plan that contradicts them is refused in time.
pub fn abfs_settings(tls: bool) -> [(&'static str, &'static str); 5] {
    [
        ("spark.hadoop.fs.azure.always.use.https", if tls { "true" } else { "false" }),
        ("spark.hadoop.fs.azure.account.auth.type", "SharedKey"),
        ("spark.hadoop.fs.azure.account.hns.enabled", "false"),
        ("spark.hadoop.fs.azure.fns.account.service.type", "BLOB"),
        ("spark.hadoop.fs.azure.networking.library", "JDK_HTTP_URL_CONNECTION"),
    ]
}

/// Keys that sparkproof sets in every session or application, and aliases of them.
const OWN: [&str; 24] = [
    "spark.app.id",
    "spark.app.name",
    "spark.driver.bindAddress",
    "spark.driver.host",
    "spark.dynamicAllocation.enabled",
    "spark.executor.instances",
    "spark.executor.memory",
    "spark.kubernetes.authenticate.driver.serviceAccountName",
    "spark.kubernetes.authenticate.executor.serviceAccountName",
    "spark.kubernetes.authenticate.serviceAccountName",
    "spark.kubernetes.container.image",
    "spark.kubernetes.context",
    "spark.kubernetes.driver.container.image",
    "spark.kubernetes.driver.pod.name",
    "spark.kubernetes.driver.podTemplateContainerName",
    "spark.kubernetes.driver.podTemplateFile",
    "spark.kubernetes.executor.container.image",
    "spark.kubernetes.executor.request.cores",
    "spark.kubernetes.namespace",
    "spark.kubernetes.submission.waitAppCompletion",
    "spark.master",
    "spark.redaction.regex",
    "spark.submit.deployMode",
    "spark.ui.enabled",
];

/// Prefixes of further such keys, if one of the labels by which pods are found follows.
const OWN_LABELS: [&str; 2] =
    ["spark.kubernetes.driver.label.", "spark.kubernetes.executor.label."];

fn is_own(key: &str) -> bool {
    let label = OWN_LABELS.iter().find_map(|begin| key.strip_prefix(begin));
    OWN.contains(&key) || label.is_some_and(|label| [KUBE_RUN, KUBE_SESSION].contains(&label))
}

/// Such keys of sessions that read files, in addition to [`STRICT`].
const OWN_OF_READING: [&str; 2] = [
    "spark.kubernetes.executor.podTemplateContainerName",
    "spark.kubernetes.executor.podTemplateFile",
];
/// Such keys of sessions whose driver runs in a pod: its Service has these ports.
const OWN_IN_POD: [&str; 3] =
    ["spark.driver.blockManager.port", "spark.driver.port", "spark.ui.port"];

/// The key of a Spark Connect server; Spark does not accept it together with a master.
const REMOTE: &str = "spark.remote";

/// Properties of a plan's sessions that decide which keys are sparkproof's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sessions {
    /// Some read by `abfs://`.
    pub(super) abfs: bool,
    /// The store of `abfs://` is the user's, and has TLS.
    pub(super) abfs_tls: bool,
    /// Some read files.
    pub(super) read: bool,
    /// Their driver is in a pod.
    pub(super) driver_in_pod: bool,
}

/// Keys whose values are lists, with their separator: the user's values are appended.
const LISTS: [(&str, &str); 3] = [
    ("spark.driver.extraJavaOptions", " "),
    ("spark.executor.extraJavaOptions", " "),
    ("spark.jars", ","),
];

/// Whether Spark would redact a value (`Utils.redact`), because of its key or of the value itself, e.g.
/// `-Dpassword=…` in Java options.
pub fn is_secret(key: &str, value: &str) -> bool {
    static REDACTED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(REDACTION).expect("a valid expression"));
    REDACTED.is_match(key) || REDACTED.is_match(value)
}

/// Whether a text is a setting's key. A `:` is allowed only before a port, as in the name of an Azure
/// account; otherwise it probably separates the value.
fn is_key(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    name.strip_prefix("spark.").is_some_and(|rest| !rest.is_empty())
        && !name.contains(|c: char| c.is_whitespace() || c.is_control())
        && port.chars().all(|c| c.is_ascii_digit())
}

/// The beginning of a malformed setting that can be part of a key; the rest may be a secret.
pub(super) fn beginning(text: &str) -> String {
    let key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text.split_once(|c| !key(c)) {
        None => text.to_owned(),
        Some((begin, _)) if text[begin.len()..].starts_with('=') => format!("{begin}=…"),
        Some((begin, _)) => format!("{begin}…"),
    }
}

/// A `key=value` as it was written, not checked yet. Its `Debug` does not show it.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub struct RawSetting(SecretString);

impl From<String> for RawSetting {
    fn from(text: String) -> Self {
        RawSetting(text.into())
    }
}

impl FromStr for RawSetting {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

impl RawSetting {
    /// Bad input: it is not `spark.some.key=value`. The message shows no value.
    fn parsed(&self) -> Result<(&str, &str)> {
        let text = self.0.expose_secret();
        match text.split_once('=') {
            Some((key, value)) if is_key(key) => Ok((key, value)),
            _ => {
                let begin = beginning(text);
                Err(Error::input(format!("--conf {begin}: expected spark.some.key=value")))
            }
        }
    }
}

/// Spark configuration by key. Its `Debug` and its serialised form show no value that Spark would
/// redact.
#[derive(Clone, Default)]
pub struct Conf(BTreeMap<String, SecretString>);

impl Conf {
    /// Parses settings in order; for a repeated key the last value counts.
    ///
    /// # Errors
    /// Bad input: an entry is not `spark.some.key=value`.
    pub(super) fn parsed(raw: &[RawSetting]) -> Result<Self> {
        raw.iter().map(RawSetting::parsed).collect()
    }

    /// Sets a key, replacing its earlier value.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into().into());
    }

    /// The value of a key, secret or not.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.expose_secret())
    }

    /// Keys and values including secrets: only for what Spark reads.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.expose_secret()))
    }

    /// Keys and values for output, with secrets masked.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .map(|(key, value)| (key, if is_secret(key, value) { Secrets::MASK } else { value }))
    }

    /// Changes values: `change` gets a key and its value and returns the new value, or `None`.
    pub fn change(&mut self, change: impl Fn(&str, &str) -> Option<String>) {
        for (key, value) in &mut self.0 {
            if let Some(changed) = change(key, value.expose_secret()) {
                *value = changed.into();
            }
        }
    }

    /// Keeps the keys for which `keep` is true.
    pub fn retain_keys(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|key, _| keep(key));
    }

    /// How many keys are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Registers secret values, so that they are masked in all output. Returns the keys whose value is
    /// too much like an ordinary word for that.
    pub fn register(&self, secrets: &Secrets) -> Vec<&str> {
        let secret = self.iter().filter(|(key, value)| is_secret(key, value));
        secret.filter(|(_, value)| !secrets.register(value)).map(|(key, _)| key).collect()
    }

    /// Refuses what contradicts sparkproof's own settings, before any session exists.
    ///
    /// # Errors
    /// Bad input: a setting that sparkproof sets itself, or `spark.remote`.
    pub(super) fn check(&self, sessions: Sessions) -> Result<()> {
        let Sessions { abfs, abfs_tls, read, driver_in_pod } = sessions;
        if self.0.contains_key(REMOTE) {
            return Err(Error::input(format!(
                "--conf {REMOTE}: it names a Spark Connect server, which has its own session; \
                 sparkproof starts one on the cluster"
            ))
            .remedy("leave it out"));
        }
        let strict = STRICT.into_iter().filter(|_| read);
        let known = strict.chain(abfs_settings(abfs_tls).into_iter().filter(|_| abfs));
        let known = known.map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.check_against(&known.collect())?;
        let reading = OWN_OF_READING.iter().filter(|_| read);
        let mut own = reading.chain(OWN_IN_POD.iter().filter(|_| driver_in_pod));
        let set = own.find(|key| self.0.contains_key(**key));
        set.map_or(Ok(()), |key| Err(contradiction(key)))
    }

    /// Refuses what contradicts these settings, or those of every session. The same value is allowed.
    fn check_against(&self, own: &BTreeMap<String, String>) -> Result<()> {
        for (key, value) in self.iter().filter(|(key, _)| list_separator(key).is_none()) {
            match own.get(key) {
                Some(set) if set == value => {}
                None if !is_own(key) => {}
                _ => return Err(contradiction(key)),
            }
        }
        Ok(())
    }

    /// Adds these settings to sparkproof's own, for sessions and for applications. Lists are joined.
    ///
    /// # Errors
    /// Bad input: a contradiction.
    pub fn over(&self, mut own: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        self.check_against(&own)?;
        for (key, value) in self.iter() {
            let before = own.get(key).filter(|before| !before.is_empty());
            let value = match (list_separator(key), before) {
                (Some(separator), Some(before)) => format!("{before}{separator}{value}"),
                _ => value.to_owned(),
            };
            own.insert(key.to_owned(), value);
        }
        Ok(own)
    }
}

fn list_separator(key: &str) -> Option<&'static str> {
    LISTS.iter().find(|(list, _)| *list == key).map(|(_, separator)| *separator)
}

fn contradiction(key: &str) -> Error {
    Error::input(format!("--conf {key}: sparkproof sets this itself"))
        .remedy("leave it out, or use the flag for it")
}

impl<K: Into<String>, V: Into<String>> Extend<(K, V)> for Conf {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, settings: I) {
        settings.into_iter().for_each(|(key, value)| self.insert(key, value));
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Conf {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(settings: I) -> Self {
        let mut conf = Conf::default();
        conf.extend(settings);
        conf
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Conf {
    fn from(settings: [(K, V); N]) -> Self {
        settings.into_iter().collect()
    }
}

impl PartialEq for Conf {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Conf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}

impl Serialize for Conf {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.shown())
    }
}

impl<'de> Deserialize<'de> for Conf {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Vec::<(String, String)>::deserialize(from)?.into_iter().collect())
    }
}

/// Serialises a [`Conf`] with its secrets: only for private files (0600).
pub mod exposed {
    use super::{Conf, Deserialize, Deserializer, Serializer};

    /// The settings, secrets included.
    pub fn serialize<S: Serializer>(conf: &Conf, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(conf.iter())
    }

    /// Reads what `serialize` wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Conf, D::Error> {
        Conf::deserialize(from)
    }
}

/// Whether a plan with this key is refused if its sessions read files and have their driver in a pod.
#[doc(hidden)]
pub fn plan_refuses(key: &str) -> bool {
    let sessions = Sessions { abfs: true, abfs_tls: false, read: true, driver_in_pod: true };
    list_separator(key).is_some() || Conf::from([(key, "other")]).check(sessions).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const SECRET: &str = "a\"b\\c";

    fn secret() -> Conf {
        Conf::from([("spark.x.password", SECRET), ("spark.y", "open")])
    }

    #[test]
    fn no_derived_form_shows_a_secret() {
        let conf = secret();
        let json = serde_json::to_string(&conf).expect("JSON");
        assert_eq!(json, r#"[["spark.x.password","[secret]"],["spark.y","open"]]"#);
        let debug =
            format!("{conf:?} {:?}", RawSetting::from(format!("spark.x.password={SECRET}")));
        assert!(debug.contains("open") && !debug.contains("a\\\"b"), "{debug}");
    }

    #[test]
    fn a_private_file_has_it_whole() {
        #[derive(Serialize, Deserialize)]
        struct Record {
            #[serde(with = "exposed")]
            conf: Conf,
        }
        let json = serde_json::to_string(&Record { conf: secret() }).expect("JSON");
        let read: Record = serde_json::from_str(&json).expect("readable");
        assert_eq!(read.conf.get("spark.x.password"), Some(SECRET));
    }

    #[test]
    fn of_a_key_given_twice_the_last_value_counts() {
        let raw = ["spark.k=1", "spark.k=2"].map(|text| RawSetting::from(text.to_owned()));
        assert_eq!(Conf::parsed(&raw).expect("valid").get("spark.k"), Some("2"));
    }

    #[rstest]
    #[case("x.password=hunter2")]
    #[case("spark.=hunter2")]
    #[case("spark.x.password:hunter2")]
    #[case("spark.x.password:hunter2==")]
    #[case("spark.x.password hunter2")]
    #[case("spark.x.password hunter2=x")]
    #[case("spark.x.pass\tword=hunter2")]
    #[case("spark.x.\u{1b}[31m=hunter2")]
    #[case("x.password=hunter2 hunter2")]
    fn what_is_no_setting_is_refused_without_its_value(#[case] text: &str) {
        let error = Conf::parsed(&[text.to_owned().into()]).expect_err("refused").to_string();
        assert!(error.contains("expected spark.some.key=value"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_port_may_be_part_of_a_key() {
        let raw = ["spark.hadoop.fs.azure.account.key.a.host:10000=k".to_owned().into()];
        let conf = Conf::parsed(&raw).expect("valid");
        assert_eq!(conf.get("spark.hadoop.fs.azure.account.key.a.host:10000"), Some("k"));
    }

    #[test]
    fn what_sparkproof_sets_is_refused_before_a_session_is_known() {
        let (plain, read) = (Sessions::default(), Sessions { read: true, ..Sessions::default() });
        let labels = OWN_LABELS
            .into_iter()
            .flat_map(|begin| [KUBE_RUN, KUBE_SESSION].map(|label| format!("{begin}{label}")));
        for key in OWN.into_iter().map(str::to_owned).chain(labels) {
            assert!(Conf::from([(key.as_str(), "x")]).check(plain).is_err(), "{key}");
        }
        let retries = Conf::from([("spark.task.maxFailures", "4")]);
        retries.check(plain).expect("no session reads");
        assert_eq!(retries.check(read).expect_err("refused").exit, sparkproof_base::Exit::BadInput);
        Conf::from([STRICT[0]]).check(read).expect("the same value");
        assert!(Conf::from([(OWN_OF_READING[1], "/x")]).check(read).is_err());
        let oauth = Conf::from([("spark.hadoop.fs.azure.account.auth.type", "OAuth")]);
        oauth.check(read).expect("nothing reads by abfs");
        assert!(oauth.check(Sessions { abfs: true, ..read }).is_err());
        let tls = Conf::from([abfs_settings(true)[0]]);
        assert!(tls.check(Sessions { abfs: true, ..read }).is_err());
        tls.check(Sessions { abfs: true, abfs_tls: true, ..read }).expect("the same value");
        assert!(Conf::from([(REMOTE, "sc://x")]).check(plain).is_err(), "Spark Connect");
        let port = Conf::from([("spark.driver.port", "7000")]);
        port.check(read).expect("a driver on this host");
        let in_pod = Sessions { driver_in_pod: true, ..plain };
        assert!(port.check(in_pod).is_err());
    }

    #[test]
    fn lists_are_joined() {
        let own = BTreeMap::from([("spark.jars".to_owned(), "/a.jar".to_owned())]);
        let user =
            Conf::from([("spark.jars", "/b.jar"), ("spark.executor.extraJavaOptions", "-Da")]);
        let all = user.over(own).expect("no contradiction");
        assert_eq!(all["spark.jars"], "/a.jar,/b.jar");
        assert_eq!(all["spark.executor.extraJavaOptions"], "-Da");
    }

    #[test]
    fn keys_of_secrets_are_known() {
        for key in [
            "spark.hadoop.fs.s3a.secret.key",
            "spark.x.sas.y",
            "spark.hadoop.fs.azure.account.key.z",
        ] {
            assert!(is_secret(key, ""), "{key}");
        }
        assert!(!is_secret("spark.executor.memory", "1g"));
    }

    #[test]
    fn a_value_that_spark_redacts_by_itself_is_shown_nowhere_and_registered() {
        let conf = Conf::from([
            ("spark.driver.extraJavaOptions", "-Dpassword=hunter2hunter2"),
            ("spark.x.url", "jdbc:postgresql://h/db?user=me&password=hunter2hunter2"),
            ("spark.y", "open"),
        ]);
        let json = serde_json::to_string(&conf).expect("JSON");
        for text in [format!("{conf:?}"), json] {
            assert!(!text.contains("hunter2") && text.contains("open"), "{text}");
        }
        let secrets = Secrets::default();
        assert!(conf.register(&secrets).is_empty());
        for (key, value) in conf.iter().filter(|(_, value)| *value != "open") {
            assert!(!secrets.scrub(&format!("java {value}")).contains("hunter2"), "{key}");
        }
    }
}
