//! Spark's configuration, as far as it can be read without a secret.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use sparkproof_base::events::Secrets;
use sparkproof_catalog::plan::conf::is_secret;

/// The key of Spark's properties in the ConfigMap of a submission.
const PROPERTIES: &str = "spark.properties";

/// The name of the ConfigMap with the driver's configuration.
pub(super) fn map_of(driver: &Pod) -> Option<String> {
    let volumes = driver.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let mut names = volumes.filter_map(|volume| Some(volume.config_map.as_ref()?.name.clone()));
    names.find(|name| name.ends_with("-conf-map"))
}

/// The configuration in a ConfigMap. Values that Spark would redact are masked, and registered, so
/// that they are masked in logs, too.
pub(super) fn conf_of(map: &ConfigMap, secrets: &Secrets) -> BTreeMap<String, String> {
    let text = map.data.as_ref().and_then(|data| data.get(PROPERTIES));
    let lines = text.map(String::as_str).unwrap_or_default().lines();
    let mut conf = BTreeMap::new();
    for (key, value) in lines.filter_map(setting) {
        let shown = match is_secret(&key, &value) {
            true => {
                secrets.register(&value);
                Secrets::MASK.to_owned()
            }
            false => value,
        };
        conf.insert(key, shown);
    }
    conf
}

/// A line of `java.util.Properties.store`.
fn setting(line: &str) -> Option<(String, String)> {
    if line.starts_with(['#', '!']) {
        return None;
    }
    let (mut key, mut value, mut in_value) = (String::new(), String::new(), false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let part = if in_value { &mut value } else { &mut key };
        match c {
            '\\' => match chars.next()? {
                'n' => part.push('\n'),
                't' => part.push('\t'),
                'r' => part.push('\r'),
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    part.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                }
                escaped => part.push(escaped),
            },
            '=' | ':' if !in_value => in_value = true,
            c => part.push(c),
        }
    }
    (in_value && !key.is_empty()).then(|| (key.trim().to_owned(), value.trim_start().to_owned()))
}

/// Registers values of environment variables with the names of secrets.
pub(super) fn register_secrets(pod: &Pod, secrets: &Secrets) {
    for variable in variables(pod) {
        let (name, value) = variable;
        if is_secret(name, value) {
            secrets.register(value);
        }
    }
}

/// The environment variables of a pod that have a value of their own.
fn variables(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    let containers = pod
        .spec
        .iter()
        .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    let all = containers.flat_map(|container| container.env.iter().flatten());
    all.filter_map(|variable| Some((variable.name.as_str(), variable.value.as_deref()?)))
}

/// A variable that Spark itself sets for executors.
pub(super) fn variable<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    variables(pod).find(|(own, _)| *own == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_configuration_are_masked_everywhere() {
        let text = "#Java properties built from Kubernetes config map\n\
            spark.hadoop.fs.s3a.secret.key=geheim/42\n\
            spark.driver.host=pi-driver-svc.team.svc\n\
            spark.jars=local\\:///opt/a.jar\n\
            spark.app.name=\\u00e9 x\\=y\n";
        let map = ConfigMap {
            data: Some([(PROPERTIES.to_owned(), text.to_owned())].into()),
            ..ConfigMap::default()
        };
        let secrets = Secrets::default();
        let conf = conf_of(&map, &secrets);
        let shown: Vec<_> = conf.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            shown,
            [
                "spark.app.name=é x=y",
                "spark.driver.host=pi-driver-svc.team.svc",
                "spark.hadoop.fs.s3a.secret.key=[secret]",
                "spark.jars=local:///opt/a.jar"
            ]
        );
        assert_eq!(secrets.scrub("with geheim/42"), "with [secret]");
    }

    #[test]
    fn values_of_variables_with_the_names_of_secrets_are_masked() {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "spec": { "containers": [{ "name": "c", "env": [
                { "name": "DB_PASSWORD", "value": "geheim" }, { "name": "HOME", "value": "/home/a" },
                { "name": "SPARK_DRIVER_URL", "value": "spark://x@h:7078" } ] }] },
        }))
        .expect("a pod");
        let secrets = Secrets::default();
        register_secrets(&pod, &secrets);
        assert_eq!(secrets.scrub("geheim /home/a"), "[secret] /home/a");
        assert_eq!(variable(&pod, "SPARK_DRIVER_URL"), Some("spark://x@h:7078"));
    }
}
