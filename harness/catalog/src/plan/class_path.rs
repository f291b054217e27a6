//! A class path as `java -cp` takes it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, ErrorContext, Result};

/// Jars, directories, and directories of jars (`DIR/*`), separated by `:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassPath(String);

impl ClassPath {
    /// From a tool's output or a user's text; not checked yet.
    pub fn new(text: &str) -> Self {
        ClassPath(text.trim().to_owned())
    }

    /// With absolute paths, because a driver has its own working directory.
    ///
    /// # Errors
    /// Bad input: it is empty, or an element does not exist.
    pub fn checked(self) -> Result<Self> {
        let mut elements = Vec::new();
        for element in self.elements() {
            let path = std::path::absolute(element).or_input("reading --geni-classpath")?;
            let there = match jars_of(element) {
                Some(dir) => dir.is_dir(),
                None => path.exists(),
            };
            if !there {
                return Err(Error::input(format!("--geni-classpath: no {element}"))
                    .remedy("jars and directories, separated by `:`, as java -cp takes them"));
            }
            elements.push(path.display().to_string());
        }
        if elements.is_empty() {
            return Err(Error::input("--geni-classpath is empty"));
        }
        Ok(ClassPath(elements.join(":")))
    }

    /// The files and directories it names.
    pub fn files(&self) -> Vec<PathBuf> {
        self.elements()
            .map(|element| jars_of(element).unwrap_or(Path::new(element)).into())
            .collect()
    }

    /// With each file and directory replaced by its path from `place`.
    pub fn mapped(&self, place: impl Fn(&Path) -> PathBuf) -> Self {
        let moved = |element: &str| match jars_of(element) {
            Some(dir) => format!("{}/*", place(dir).display()),
            None => place(Path::new(element)).display().to_string(),
        };
        ClassPath(self.elements().map(moved).collect::<Vec<_>>().join(":"))
    }

    fn elements(&self) -> impl Iterator<Item = &str> {
        self.0.split(':').filter(|element| !element.is_empty())
    }
}

/// The directory of an element `DIR/*`.
fn jars_of(element: &str) -> Option<&Path> {
    element.strip_suffix("/*").map(Path::new)
}

impl std::str::FromStr for ClassPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(ClassPath::new(text))
    }
}

impl fmt::Display for ClassPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::Exit;

    #[test]
    fn elsewhere_each_element_has_its_place() {
        let there = |path: &Path| Path::new("/there").join(path.strip_prefix("/").unwrap_or(path));
        let moved = ClassPath::new("/a/*:/b/c.jar").mapped(there);
        assert_eq!(moved.to_string(), "/there/a/*:/there/b/c.jar");
    }

    #[test]
    fn what_exists_becomes_absolute() {
        let keep = tempfile::tempdir().expect("dir");
        let dir = keep.path().display();
        let path = ClassPath::new(&format!("{dir}:.:{dir}/*\n")).checked().expect("exists");
        let here = std::env::current_dir().expect("a working directory");
        assert_eq!(path.to_string(), format!("{dir}:{}:{dir}/*", here.display()));
        assert_eq!(path.files(), [keep.path(), &here, keep.path()]);
    }

    #[test]
    fn what_does_not_is_bad_input() {
        for text in ["/nowhere", ".:/nowhere/*", "", ":"] {
            let error = ClassPath::new(text).checked().expect_err(text);
            assert_eq!(error.exit, Exit::BadInput, "{error}");
        }
    }
}
