//! The user's configuration of the docker CLI: read, never written.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use sparkproof_base::error::{Error, ErrorContext, Result};
use tempfile::TempDir;

/// The parts that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    current_context: String,
}

/// `meta.json` of a context.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Debug, Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    host: String,
}

/// Its directory: `DOCKER_CONFIG`, else `~/.docker`.
pub(super) fn directory() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    set("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".docker")))
}

/// The context that the docker CLI would use, and the address of its daemon; `None` for the default
/// context.
///
/// # Errors
/// Bad input: the context does not exist, or a file cannot be parsed.
pub(super) fn context() -> Result<Option<(String, String)>> {
    let named = std::env::var("DOCKER_CONTEXT").ok();
    context_in(directory().as_deref(), named.as_deref())
}

fn context_in(directory: Option<&Path>, named: Option<&str>) -> Result<Option<(String, String)>> {
    let Some(directory) = directory else { return Ok(None) };
    let name = match named.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => read::<File>(&directory.join("config.json"))?.unwrap_or_default().current_context,
    };
    if name.is_empty() || name == "default" {
        return Ok(None);
    }
    // The naming of docker/cli (`cli/context/store`).
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let file = directory.join("contexts/meta").join(id).join("meta.json");
    let remedy = "see `docker context ls`, or set DOCKER_HOST";
    let meta = read::<Meta>(&file)?.ok_or_else(|| {
        Error::input(format!("the Docker context {name} has no {}", file.display())).remedy(remedy)
    })?;
    let endpoint = meta.endpoints.docker.ok_or_else(|| {
        Error::input(format!("the Docker context {name} names no daemon")).remedy(remedy)
    })?;
    Ok(Some((name, endpoint.host)))
}

/// Parses a JSON file; `None` if it does not exist.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let what = || format!("reading the docker CLI's {}", path.display());
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::input(what()).with_source(e)),
    };
    serde_json::from_slice(&text).map(Some).or_input(what())
}

/// Creates a temporary `DOCKER_CONFIG` for a docker CLI in `parent`, a private directory. It has
/// the user's configuration (logins, credential helpers, proxies, contexts, plug-ins). What the CLI
/// writes, such as builders, is removed with it.
pub fn borrowed(parent: &Path) -> Result<TempDir> {
    borrowed_from(directory().as_deref(), parent)
}

fn borrowed_from(user: Option<&Path>, parent: &Path) -> Result<TempDir> {
    let what = "preparing the docker CLI's configuration";
    let made = tempfile::tempdir_in(parent).or_environment(what)?;
    let entries = match user.map(std::fs::read_dir) {
        Some(Ok(entries)) => entries,
        // The CLI has never been used.
        Some(Err(e)) if e.kind() == std::io::ErrorKind::NotFound => return Ok(made),
        Some(Err(e)) => return Err(Error::environment(what).with_source(e)),
        None => return Ok(made),
    };
    for entry in entries {
        let entry = entry.or_environment(what)?;
        // What the CLI writes.
        if entry.file_name() == "buildx" {
            continue;
        }
        let target = std::path::absolute(entry.path()).or_environment(what)?;
        std::os::unix::fs::symlink(target, made.path().join(entry.file_name()))
            .or_environment(what)?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with the context `desktop`.
    fn user() -> TempDir {
        let user = tempfile::tempdir().expect("a directory");
        // `printf desktop | sha256sum`.
        let id = hex::encode(Sha256::digest(b"desktop"));
        let meta = user.path().join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).expect("made");
        let text = r#"{"Name": "desktop", "Metadata": {}, "Endpoints":
            {"docker": {"Host": "unix:///home/me/.docker/desktop/docker.sock", "SkipTLSVerify": false}}}"#;
        std::fs::write(meta.join("meta.json"), text).expect("written");
        let config = r#"{"auths": {"r.test": {"auth": "bWU6eA=="}}, "credHelpers": {"h.test": "x"},
            "currentContext": "desktop"}"#;
        std::fs::write(user.path().join("config.json"), config).expect("written");
        std::fs::create_dir(user.path().join("buildx")).expect("made");
        user
    }

    #[test]
    fn the_daemon_of_the_current_context_is_found() {
        let user = user();
        let found = context_in(Some(user.path()), None).expect("read");
        let host = "unix:///home/me/.docker/desktop/docker.sock";
        assert_eq!(found, Some(("desktop".to_owned(), host.to_owned())));
        let named = context_in(Some(user.path()), Some("default")).expect("read");
        assert_eq!(named, None, "DOCKER_CONTEXT counts first");
        let missing = context_in(Some(user.path()), Some("gone")).expect_err("no such context");
        assert_eq!(missing.exit, sparkproof_base::Exit::BadInput);
        let nothing = tempfile::tempdir().expect("a directory");
        assert_eq!(context_in(Some(nothing.path()), None).expect("read"), None);
    }

    #[test]
    fn a_called_cli_has_the_users_logins_and_leaves_nothing_with_them() {
        let (user, parent) = (user(), tempfile::tempdir().expect("a directory"));
        let borrowed = borrowed_from(Some(user.path()), parent.path()).expect("made");
        let text = std::fs::read_to_string(borrowed.path().join("config.json")).expect("there");
        assert!(text.contains("r.test") && text.contains("credHelpers"), "{text}");
        assert!(borrowed.path().join("contexts/meta").is_dir());
        std::fs::create_dir(borrowed.path().join("buildx")).expect("its own");
        drop(borrowed);
        assert!(user.path().join("contexts/meta").is_dir(), "only links went");
    }
}
