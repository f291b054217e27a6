//! Finds which source file of a crate imports which. A name is followed through re-exports to the
//! file that defines it. Tests do not count.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::visit::{self, Visit};
use syn::{Item, LitStr, UseTree};

/// The segments of a path, as written or from the crate's root.
type Names = Vec<String>;

/// All modules of one root file.
#[derive(Default)]
pub(crate) struct Sources {
    modules: BTreeMap<Names, Module>,
    /// Paths that are used, each with the module that uses it.
    paths: Vec<(Names, Names)>,
    /// String literals, each with its file.
    pub(crate) literals: Vec<(PathBuf, String)>,
}

struct Module {
    file: PathBuf,
    /// What `use` imports, by its name in this module.
    names: HashMap<String, Names>,
}

impl Sources {
    /// Reads the crate with this root file (`lib.rs`, `main.rs`).
    pub(crate) fn read(root: &Path) -> miette::Result<Self> {
        let mut reader = Reader { sources: Sources::default(), module: vec![], file: root.into() };
        reader.read(root.parent().unwrap_or(root))?;
        Ok(reader.sources)
    }

    /// Which file imports which.
    pub(crate) fn imports(&self) -> BTreeSet<(&Path, &Path)> {
        let edges = self.paths.iter().filter_map(|(module, path)| {
            Some((&*self.modules[module].file, self.definer(&absolute(module, path), 0)?))
        });
        edges.filter(|(from, to)| from != to).collect()
    }

    /// The first segments of all paths of each file, the crates that it uses among them.
    pub(crate) fn crates(&self) -> BTreeSet<(&Path, &str)> {
        self.paths.iter().map(|(m, path)| (&*self.modules[m].file, path[0].as_str())).collect()
    }

    /// The file that defines a path from the root; for an item of another crate the file that
    /// imports it.
    fn definer(&self, path: &[String], depth: u32) -> Option<&Path> {
        let mut at = Names::new();
        for (index, name) in path.iter().enumerate() {
            let (child, rest) = ([&at[..], &path[index..=index]].concat(), &path[index + 1..]);
            let is_module = self.modules.contains_key(&child);
            let used = self.modules.get(&at)?.names.get(name).map(|used| absolute(&at, used));
            match used {
                // A module and an item in it may have the same name: the last one is the item.
                Some(used) if depth < 20 && used != child && (rest.is_empty() || !is_module) => {
                    return self.definer(&[&used[..], rest].concat(), depth + 1);
                }
                _ if is_module => at = child,
                _ => break,
            }
        }
        Some(&self.modules.get(&at)?.file)
    }
}

/// Resolves a path that is written in a module, from the crate's root.
fn absolute(module: &[String], path: &[String]) -> Names {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match path[0].as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [module, &path[1..]].concat(),
        _ => [&module[..module.len().saturating_sub(ups)], &path[ups..]].concat(),
    }
}

struct Reader {
    sources: Sources,
    module: Names,
    file: PathBuf,
}

impl Reader {
    /// Reads `file`, whose child modules lie in `below`.
    fn read(&mut self, below: &Path) -> miette::Result<()> {
        let what = || format!("reading {}", self.file.display());
        let text = std::fs::read_to_string(&self.file).into_diagnostic().wrap_err_with(what)?;
        let parsed = syn::parse_file(&text).into_diagnostic().wrap_err_with(what)?;
        self.enter();
        self.visit_file(&parsed);
        for item in &parsed.items {
            let Item::Mod(syn::ItemMod { attrs, ident, content: None, .. }) = item else {
                continue;
            };
            if of_tests(attrs) {
                continue;
            }
            let name = ident.unraw().to_string();
            let (flat, nested) = (below.join(format!("{name}.rs")), below.join(&name));
            let file = if flat.exists() { flat } else { nested.join("mod.rs") };
            let parent = std::mem::replace(&mut self.file, file);
            self.module.push(name);
            self.read(&nested)?;
            self.module.pop();
            self.file = parent;
        }
        Ok(())
    }

    fn enter(&mut self) {
        let module = Module { file: self.file.clone(), names: HashMap::new() };
        self.sources.modules.insert(self.module.clone(), module);
    }

    /// Collects the names of a `use`; `counts` says whether they count as an import of the file.
    fn names(&mut self, tree: &UseTree, mut path: Names, counts: bool) {
        let (name, here) = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.unraw().to_string());
                return self.names(&tree.tree, path, counts);
            }
            UseTree::Group(tree) => {
                return tree.items.iter().for_each(|i| self.names(i, path.clone(), counts));
            }
            UseTree::Name(tree) => (Some(&tree.ident), &tree.ident),
            UseTree::Rename(tree) => (Some(&tree.ident), &tree.rename),
            // A glob imports the module itself.
            _ => return self.sources.paths.extend(counts.then(|| (self.module.clone(), path))),
        };
        let name = name.filter(|name| *name != "self").map(|name| name.unraw().to_string());
        path.extend(name);
        let here =
            if here == "self" { path[path.len() - 1].clone() } else { here.unraw().to_string() };
        if let Some(module) = self.sources.modules.get_mut(&self.module) {
            module.names.insert(here, path.clone());
        }
        self.sources.paths.extend(counts.then(|| (self.module.clone(), path)));
    }

    /// Collects paths and literals from a macro's tokens, whatever its grammar.
    fn tokens(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            let group = input.step(|cursor| {
                let group = cursor.any_group().map(|(inside, .., rest)| (inside, rest));
                Ok(group.map_or((None, *cursor), |(it, rest)| (Some(it.token_stream()), rest)))
            })?;
            if let Some(inside) = group {
                (|inside: ParseStream<'_>| self.tokens(inside)).parse2(inside)?;
            } else if input.peek(LitStr) {
                self.visit_lit_str(&input.parse()?);
            } else if input.fork().call(syn::Path::parse_mod_style).is_ok() {
                self.visit_path(&input.call(syn::Path::parse_mod_style)?);
            } else {
                input.step(|cursor| {
                    Ok(((), cursor.token_tree().map_or(*cursor, |(_, rest)| rest)))
                })?;
            }
        }
        Ok(())
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(syn::ItemConst { attrs, .. })
            | Item::Fn(syn::ItemFn { attrs, .. })
            | Item::Impl(syn::ItemImpl { attrs, .. })
            | Item::Mod(syn::ItemMod { attrs, .. })
            | Item::Use(syn::ItemUse { attrs, .. })
                if of_tests(attrs) => {}
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if let Some((_, items)) = &item.content {
            self.module.push(item.ident.unraw().to_string());
            self.enter();
            items.iter().for_each(|item| self.visit_item(item));
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let re_exports = self.file.ends_with("mod.rs") || self.file.ends_with("lib.rs");
        let private = matches!(item.vis, syn::Visibility::Inherited);
        self.names(&item.tree, vec![], private || !re_exports);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|s| s.ident.unraw().to_string()).collect();
            self.sources.paths.push((self.module.clone(), names));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // The parser accepts every token.
        let _ = (|input: ParseStream<'_>| self.tokens(input)).parse2(call.tokens.clone());
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        self.sources.literals.push((self.file.clone(), literal.value()));
    }

    /// Skipped: documentation is an attribute with a literal.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

fn of_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_followed_to_its_file_also_in_macros_and_tests_do_not_count() {
        let keep = tempfile::tempdir().expect("a directory");
        for (file, text) in [
            ("lib.rs", "mod a; mod b; mod c; pub use a::A as Renamed;"),
            ("a.rs", "use crate::b::{self, B}; pub struct A(B);"),
            ("b.rs", "pub struct B; fn f() { println!(\"b {}\", [super::Renamed::new()]); }"),
            ("c.rs", "use crate::a; fn f() { a::b::f() } #[cfg(test)] mod t { use crate::b::B; }"),
        ] {
            std::fs::write(keep.path().join(file), text).expect("written");
        }
        let sources = Sources::read(&keep.path().join("lib.rs")).expect("read");
        let name = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().into_owned());
        let edges = sources.imports();
        let edges = edges.iter().map(|(from, to)| [name(from), name(to)].map(Option::unwrap));
        let edges: Vec<String> = edges.map(|edge| edge.join(" ")).collect();
        assert_eq!(edges, ["a b", "b a", "c a", "c b"]);
        assert_eq!(sources.literals[0].1, "b {}");
    }
}
