//! The configuration of a session for a variant, as the pages in docs/strategies show it.

use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::VariantId;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::{Configuration, Part, Secrets};
use sparkproof_catalog::plan::conf::is_secret;
use sparkproof_images::Layer;

use super::overlay::SessionOverlay;
use super::placeholders::Placeholders;
use super::{spec, template};

/// What a variant that reads from `uri` added to its session, rendered as for the session's
/// properties and pod template. Values of keys that Spark redacts are masked.
pub fn configuration(
    variant: VariantId,
    spark: &SparkVersion,
    uri: &str,
    added: &SessionOverlay,
    placeholders: &Placeholders,
) -> Result<Configuration> {
    let (variant, spark) = (variant.to_string(), spark.to_string());
    let mut all = Configuration { variant, spark, parts: Vec::new() };
    let mut say = |name, language, text: &str| {
        push(&mut all, name, language, text, placeholders);
    };
    say("read from", "text", uri);
    say("added to the image", "text", &layers(&added.layers));
    let jars: Vec<_> = added.driver_jars.iter().map(|jar| jar.display().to_string()).collect();
    say("class path of the driver (SPARK_DIST_CLASSPATH)", "text", &jars.join(":"));
    say("Spark properties", "properties", &properties(added));
    if added.needs_template() {
        say("executor pod template", "yaml", &yaml(&template::pod(added))?);
    }
    let hosts = added.hosts.iter().map(|(name, address)| format!("{address} {name}\n"));
    say("host names of the driver (jdk.net.hosts.file)", "text", &hosts.collect::<String>());
    Ok(all)
}

/// Adds a Kubernetes object that was created beforehand, e.g. a claim, without sparkproof's
/// labels.
pub fn add_object(
    all: &mut Configuration,
    object: &Value,
    placeholders: &Placeholders,
) -> Result<()> {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(|m| m.as_object_mut()) {
        metadata.remove("labels");
        metadata.remove("annotations");
    }
    let kind = object["kind"].as_str().unwrap_or("an object").to_owned();
    push(all, &kind, "yaml", &yaml(&object)?, placeholders);
    Ok(())
}

/// Adds a part, unless its text is empty.
fn push(
    all: &mut Configuration,
    name: &str,
    language: &str,
    text: &str,
    placeholders: &Placeholders,
) {
    if text.trim().is_empty() {
        return;
    }
    let (name, language) = (name.to_owned(), language.to_owned());
    all.parts.push(Part { name, language, text: placeholders.apply(text.trim_end()) });
}

/// How many files of a directory, and items of a YAML list, are shown one by one.
const SHOWN: usize = 8;

/// Paths of the layers' files in the image; only the size for whole packages.
fn layers(layers: &[Layer]) -> String {
    let mut lines = Vec::new();
    for layer in layers {
        let mut directories = BTreeMap::<&str, Vec<&str>>::new();
        for path in layer.paths() {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            directories.entry(directory).or_default().push(name);
        }
        if directories.is_empty() {
            lines.push(format!("{} MB of packages", layer.size() / 1_000_000));
        }
        for (directory, names) in directories {
            match names.len() {
                ..=SHOWN => lines.extend(names.iter().map(|name| format!("/{directory}/{name}"))),
                many => lines.push(format!("/{directory}: {many} files")),
            }
        }
    }
    lines.join("\n")
}

/// All properties of the contribution, by key.
fn properties(added: &SessionOverlay) -> String {
    let derived = spec::added(added, Path::new(Placeholders::SESSION), false);
    let template = added.needs_template();
    let template = template.then(|| spec::template_settings(Path::new(Placeholders::SESSION)));
    let plain = added.conf.shown().map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut all: Vec<(String, String)> =
        plain.chain(derived).chain(template.into_iter().flatten()).collect();
    if !added.shipped_jars.is_empty() {
        all.push(("spark.jars".to_owned(), spec::jars_value(&added.shipped_jars)));
    }
    all.sort();
    let masked = |(key, value): (String, String)| {
        let value = if is_secret(&key, &value) { Secrets::MASK.to_owned() } else { value };
        format!("{key}={value}\n")
    };
    all.into_iter().map(masked).collect()
}

/// A marker for the rest of a list, which becomes a comment.
const REST: &str = "the rest:";

/// YAML for readers: without empty metadata, and with only the beginning of long lists.
fn yaml(object: &impl Serialize) -> Result<String> {
    let mut value = serde_json::to_value(object).or_internal("writing an object")?;
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.as_object().is_some_and(Map::is_empty));
    }
    shorten(&mut value);
    let text = serde_saphyr::to_string(&value).or_internal("writing YAML")?;
    let line = |line: &str| match line.split_once(&format!("- \"{REST}")) {
        Some((indent, count)) => format!("{indent}# and{} more\n", count.trim_end_matches('"')),
        None => format!("{line}\n"),
    };
    Ok(text.lines().map(line).collect())
}

fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => {
            let many = items.len();
            // Lists of a command's arguments are shown in full.
            if many > SHOWN && items.iter().all(Value::is_object) {
                items.truncate(2);
                items.push(Value::String(format!("{REST} {}", many - 2)));
            }
            items.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};
    use sparkproof_images::Entry;

    fn shown(configuration: &Configuration) -> String {
        let parts = configuration.parts.iter();
        let parts = parts.map(|p| format!("[{}, {}]\n{}", p.name, p.language, p.text));
        parts.collect::<Vec<_>>().join("\n")
    }

    /// As a store's variant contributes, with everything in it that no page may show.
    fn s3() -> SessionOverlay {
        let nonce = "7f3a0b1c-4-s3-0a1b2c3d";
        SessionOverlay {
            conf: [
                ("spark.hadoop.fs.s3a.endpoint", "http://172.18.0.5:7070"),
                ("spark.hadoop.fs.s3a.access.key", "AKIAEXAMPLE"),
                ("spark.hadoop.fs.s3a.secret.key", "hunter2-hunter2"),
                ("spark.hadoop.fs.s3a.path.style.access", "true"),
                ("spark.hadoop.fs.s3a.threads.max", "12345678"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
            driver_jars: vec![
                "/home/someone/.cache/sparkproof/entries/jars-0123456789ab/hadoop-aws-3.3.4.jar"
                    .into(),
                "/home/someone/.cache/sparkproof/entries/jars-0123456789ab/bundle-1.12.262.jar"
                    .into(),
            ],
            driver_options: vec!["-Dbind=127.0.0.1".into()],
            hosts: [("store.test".to_owned(), [172, 18, 0, 5].into())].into(),
            volumes: vec![
                from_value(json!({"name": "data", "hostPath": {
                    "path": format!("/var/tmp/{nonce}"), "type": "Directory"}}))
                .expect("a volume"),
            ],
            init_containers: vec![
                from_value(json!({"name": "fill", "image":
                    "localhost/sparkproof/spark:3.5.9-013b609a74b5-7f3a0b1c-1"}))
                .expect("a container"),
            ],
            ..Default::default()
        }
    }

    fn placeholders() -> Placeholders {
        Placeholders::new([
            ("7f3a0b1c-4-s3-0a1b2c3d", "NONCE"),
            ("7f3a0b1c", "RUN"),
            ("/home/someone/.local/state/sparkproof/runs/7f3a0b1c", "STATE"),
            ("/home/someone/.cache/sparkproof", "CACHE"),
        ])
    }

    #[test]
    fn a_configuration_reads_the_same_of_every_run_and_tells_no_secret() {
        let uri = "s3a://data/7f3a0b1c-4-s3-0a1b2c3d";
        let seen =
            configuration(VariantId::S3, &SparkVersion::new(3, 5, 9), uri, &s3(), &placeholders());
        insta::assert_snapshot!(shown(&seen.expect("rendered")));
    }

    #[test]
    fn who_adds_nothing_is_told_by_where_it_reads() {
        let nothing = SessionOverlay::default();
        let uri = "file:///var/tmp/sparkproof-7f3a0b1c/0-copy";
        let seen = configuration(
            VariantId::Copy,
            &SparkVersion::new(3, 5, 9),
            uri,
            &nothing,
            &placeholders(),
        );
        let seen = seen.expect("rendered");
        assert_eq!(shown(&seen), "[read from, text]\nfile:///var/tmp/sparkproof-RUN/0-copy");
    }

    #[tokio::test]
    async fn what_a_layer_adds_is_told_by_its_paths() {
        let files = (0..30).map(|n| format!("/opt/data/{n}")).chain(["/opt/one.jar".to_owned()]);
        let files = files.map(|path| (path, Entry::bytes("x", 0o644)));
        let layer = Layer::of_entries(files).await.expect("hashed");
        let added = SessionOverlay { layers: vec![layer], ..Default::default() };
        let seen = configuration(
            VariantId::Baked,
            &SparkVersion::new(3, 5, 9),
            "file:///opt/data",
            &added,
            &placeholders(),
        );
        let text = shown(&seen.expect("rendered"));
        let added = "[added to the image, text]\n/opt/one.jar\n/opt/data: 30 files";
        assert!(text.ends_with(added), "{text}");
    }

    #[test]
    fn a_long_list_is_shown_by_its_beginning() {
        let items: Vec<Value> = (0..12).map(|n| json!({"key": n})).collect();
        let words = ["a"; 9];
        let text = yaml(&json!({"items": items, "words": words})).expect("rendered");
        let shown = "items:\n- key: 0\n- key: 1\n# and 10 more\nwords:\n";
        assert_eq!(text, format!("{shown}{}", "- a\n".repeat(9)));
    }

    #[test]
    fn objects_made_beforehand_are_parts() {
        let claim = json!({"kind": "PersistentVolumeClaim",
                           "metadata": {"name": "x-7f3a0b1c", "labels": {"a": "b"}},
                           "status": {}});
        let mut seen =
            Configuration { variant: "3".into(), spark: "3.5.9".into(), parts: Vec::new() };
        add_object(&mut seen, &claim, &placeholders()).expect("rendered");
        assert_eq!(
            shown(&seen),
            "[PersistentVolumeClaim, yaml]\nkind: PersistentVolumeClaim\nmetadata:\n  name: x-RUN"
        );
    }
}
