//! Tests of what ARCHITECTURE.md says about the crates; `cargo xtask edges` shows it as a table.

use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};

use crate::sources::Sources;

/// One crate of `harness/`.
pub(crate) struct Crate {
    /// Name of its folder.
    pub(crate) name: String,
    manifest: toml::Table,
    /// The sources of its library and its binary.
    roots: Vec<Sources>,
}

impl Crate {
    fn read(dir: &Path) -> miette::Result<Self> {
        let manifest = dir.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).into_diagnostic();
        let text = text.wrap_err_with(|| format!("reading {}", manifest.display()))?;
        let roots = ["src/lib.rs", "src/main.rs", "tests/live/main.rs"].map(|root| dir.join(root));
        Ok(Crate {
            name: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            manifest: text.parse().into_diagnostic()?,
            roots: roots
                .iter()
                .filter(|r| r.exists())
                .map(|r| Sources::read(r))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Its name in a manifest.
    fn package(&self) -> &str {
        self.manifest["package"]["name"].as_str().unwrap_or_default()
    }

    /// The number of its files that use another crate.
    fn uses(&self, other: &Crate) -> usize {
        if self.name == other.name {
            return 0;
        }
        let name = other.package().replace('-', "_");
        self.roots.iter().map(|r| r.crates().iter().filter(|(_, used)| *used == name).count()).sum()
    }
}

/// The crates in the order of ARCHITECTURE.md's table, then those beside `harness/`.
pub(crate) fn crates(workspace: &Path) -> miette::Result<Vec<Crate>> {
    let page = std::fs::read_to_string(workspace.join("ARCHITECTURE.md")).into_diagnostic()?;
    let table = page.split("## Crates").nth(1).unwrap_or_default();
    let rows = table.lines().skip_while(|l| !l.starts_with("| ---")).skip(1);
    let names = rows.map_while(|row| row.strip_prefix("| `")?.split('`').next());
    let harness = workspace.join("harness");
    let dirs = names.map(|name| harness.join(name));
    dirs.chain([workspace.join("scenarios"), workspace.join("xtask")])
        .map(|d| Crate::read(&d))
        .collect()
}

/// A table of which crate uses which, with the number of files; all entries are below the diagonal.
pub(crate) fn table(crates: &[Crate]) -> String {
    let mut text = format!("{:12}", "");
    let used: Vec<_> = crates.iter().filter(|c| crates.iter().any(|o| o.uses(c) > 0)).collect();
    for column in &used {
        text += &format!(" {:>10}", column.name);
    }
    for row in crates {
        text += &format!("\n{:12}", row.name);
        for column in &used {
            let files = match row.uses(column) {
                0 => String::new(),
                files => files.to_string(),
            };
            text += &format!(" {files:>10}");
        }
        text.truncate(text.trim_end().len());
    }
    text + "\n"
}

/// The files of a crate that import each other.
pub(crate) fn mutual(crates: &[Crate]) -> Vec<String> {
    let of_crate = |sources: &Sources| {
        let imports = sources.imports();
        let both = imports.iter().filter(|(a, b)| a < b && imports.contains(&(*b, *a)));
        both.map(|(a, b)| format!("{} and {}", a.display(), b.display())).collect::<Vec<_>>()
    };
    crates.iter().flat_map(|krate| &krate.roots).flat_map(of_crate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who may speak to Docker besides `machine`.
    const DOCKER: [(&str, &str); 4] = [
        ("machine", "the engine and its containers"),
        ("images", "builds, pulls, pushes and imports images"),
        ("spark", "a driver's container is described in Docker's own types"),
        ("stores", "so is a server's"),
    ];

    fn workspace() -> Vec<Crate> {
        crates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("a workspace")
    }

    fn harness() -> Vec<Crate> {
        let all = workspace().into_iter();
        all.filter(|c| !["scenarios", "xtask"].contains(&c.name.as_str())).collect()
    }

    fn depends_on(krate: &Crate, package: &str) -> bool {
        krate.manifest.get("dependencies").is_some_and(|all| all.get(package).is_some())
    }

    #[test]
    fn each_crate_of_harness_is_in_the_table_and_depends_on_those_above_it_only() {
        let all = harness();
        let dirs = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness"));
        assert_eq!(dirs.expect("harness").count(), all.len(), "crates in ARCHITECTURE.md's table");
        for (index, krate) in all.iter().enumerate() {
            for below in &all[index..] {
                let (name, below) = (&krate.name, below.package());
                assert!(!depends_on(krate, below), "{name} uses {below}, which is not above it");
            }
        }
    }

    #[test]
    fn kube_and_bollard_are_used_where_they_belong() {
        let all = harness();
        let kubernetes = all.iter().position(|c| c.name == "kubernetes").expect("kubernetes");
        for (index, krate) in all.iter().enumerate() {
            let name = krate.name.as_str();
            let kube = index >= kubernetes && name != "report";
            assert!(kube || !depends_on(krate, "kube"), "{name} uses kube");
            let docker = DOCKER.iter().any(|(named, _)| *named == name);
            assert_eq!(docker, depends_on(krate, "bollard"), "{name} uses bollard");
        }
    }

    #[test]
    fn labels_are_named_in_base_and_versions_read_in_catalog_only() {
        let mut found = vec![];
        for krate in workspace() {
            for (file, literal) in krate.roots.iter().flat_map(|root| &root.literals) {
                let label =
                    ["io.sparkproof.", "sparkproof.io/"].iter().any(|l| literal.contains(l));
                // A path can be a part of a message.
                let version = literal.contains("versions/") && !literal.contains(' ');
                if label && krate.name != "base" || version && krate.name != "catalog" {
                    found.push(format!("{}: {literal}", file.display()));
                }
            }
        }
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn no_two_files_import_each_other() {
        assert_eq!(mutual(&workspace()), Vec::<String>::new());
    }
}
