//! Writes the blocks into the pages.

use std::path::{Path, PathBuf};

use sparkproof_base::error::{Error, ErrorContext, Result};

use crate::Model;
use crate::pages::blocks;
use crate::pages::declared::declared;
use crate::pages::proven::{ProvenBlock, key, proven, spark_of};

/// A page of a directory.
struct Page {
    path: PathBuf,
    text: String,
    changed: bool,
}

/// Writes declarations and proven configurations into the marked blocks of the Markdown pages of a
/// directory. A variant's block for another Spark version is added after its existing ones. Returns
/// a line for each variant of the run.
///
/// # Errors
/// Bad input: a directory without such pages; a variant that has no block in any of them.
pub fn write(model: &Model, dir: &Path) -> Result<Vec<String>> {
    let mut pages = pages(dir)?;
    for (key, content) in declared()? {
        for page in pages.iter_mut().filter(|p| blocks::get(&p.text, &key).is_some()) {
            page.set(blocks::replace(&page.text, &key, &content)?);
        }
    }
    let mut lines = Vec::new();
    if let Some(spark) = spark_of(model) {
        for (block, proven_block) in proven(model, spark) {
            match proven_block {
                ProvenBlock::Unproven(reason) => {
                    lines.push(format!("{block}: unchanged, {reason}"))
                }
                ProvenBlock::Proven(content) => {
                    let page = put(&mut pages, &block, &content)?;
                    lines.push(format!("{block}: {page}"));
                }
            }
        }
    }
    for page in pages.iter().filter(|page| page.changed) {
        let what = || format!("writing {}", page.path.display());
        fs_err::write(&page.path, &page.text).or_environment(what())?;
    }
    Ok(lines)
}

impl Page {
    fn set(&mut self, text: String) {
        self.changed |= self.text != text;
        self.text = text;
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn pages(dir: &Path) -> Result<Vec<Page>> {
    let listed = fs_err::read_dir(dir).or_input("reading the directory of the pages")?;
    let paths = listed.filter_map(|entry| entry.ok()).map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Error::input(format!("no pages in {}", dir.display()))
            .remedy("name the directory of the pages: docs/strategies"));
    }
    let read = |path: PathBuf| {
        let text = fs_err::read_to_string(&path).or_environment("reading a page")?;
        Ok(Page { path, text, changed: false })
    };
    paths.into_iter().map(read).collect()
}

/// Replaces a variant's block, or adds it after those of its other versions; returns the page's
/// name.
fn put(pages: &mut [Page], block: &str, content: &str) -> Result<String> {
    if let Some(page) = pages.iter_mut().find(|p| blocks::get(&p.text, block).is_some()) {
        page.set(blocks::replace(&page.text, block, content)?);
        return Ok(page.name());
    }
    let variant = block.split(':').nth(1).unwrap_or_default();
    let of = key(variant, "");
    for page in pages.iter_mut() {
        let last = blocks::keys(&page.text).into_iter().rfind(|other| other.starts_with(&of));
        if let Some(last) = last.map(str::to_owned) {
            page.set(blocks::insert_after(&page.text, &last, block, content)?);
            return Ok(page.name());
        }
    }
    Err(Error::input(format!("no page has a block for {variant}"))
        .remedy(format!("add the lines <!-- {block} --> and <!-- /{block} --> to a page")))
}

#[cfg(test)]
mod tests;
