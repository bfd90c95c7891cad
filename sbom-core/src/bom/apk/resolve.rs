//! Who provides what a package needs.

use std::collections::{BTreeMap, BTreeSet};

use super::version;
use crate::{
    bom::{
        EdgeKind,
        draft::{Draft, Handle},
    },
    detect::apk::{Dependency, Kind, Package},
    image_path::ImagePath,
};

/// What the packages that are installed at one time provide.
pub(super) struct Providers<'a> {
    /// By name: who provides it, in which version.
    names: BTreeMap<&'a str, Vec<(Handle, Option<&'a str>)>>,
    /// Packages by their own name.
    packages: BTreeMap<&'a str, Vec<Handle>>,
    /// The owners of the files that some dependency names.
    owners: BTreeMap<&'a ImagePath, Handle>,
}

impl<'a> Providers<'a> {
    /// What `packages` provide.
    pub(super) fn of(packages: &[(Handle, &'a Package)]) -> Self {
        let mut names: BTreeMap<&str, Vec<(Handle, Option<&str>)>> = BTreeMap::new();
        let mut own: BTreeMap<&str, Vec<Handle>> = BTreeMap::new();
        let mut paths: BTreeSet<ImagePath> = BTreeSet::new();
        for (handle, package) in packages {
            own.entry(&package.name).or_default().push(*handle);
            names.entry(&package.name).or_default().push((*handle, Some(&package.version)));
            for provided in &package.provides {
                let version = provided.version.as_ref().map(|(_, version)| &**version);
                names.entry(&provided.name).or_default().push((*handle, version));
            }
            let needed = package.depends.iter().filter(|dependency| dependency.kind() == Kind::Path);
            paths.extend(needed.flat_map(|dependency| places(&dependency.name)));
        }
        let files = packages
            .iter()
            .flat_map(|(handle, package)| package.files.iter().map(|file| (&file.path, *handle)));
        let owners = if paths.is_empty() {
            BTreeMap::new()
        } else {
            files.filter(|(path, _)| paths.contains(path)).collect()
        };
        Self { names, packages: own, owners }
    }

    /// All who provide the name, in whatever version.
    fn all(&self, dependency: &Dependency) -> &[(Handle, Option<&'a str>)] {
        self.names.get(&*dependency.name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who provides what `dependency` names, each once. A version that is asked for decides only among several:
    /// apk has seen to it that one of them has it.
    fn find(&self, dependency: &Dependency) -> BTreeSet<Handle> {
        let all = self.all(dependency);
        if all.is_empty() && dependency.kind() == Kind::Path {
            return places(&dependency.name)
                .iter()
                .find_map(|path| self.owners.get(path))
                .copied()
                .into_iter()
                .collect();
        }
        let fitting: BTreeSet<Handle> = all
            .iter()
            .filter(|(_, version)| match (&dependency.version, version) {
                (Some((operator, wanted)), Some(found)) => version::satisfies(found, operator, wanted),
                (Some(_), None) => false,
                (None, _) => true,
            })
            .map(|(handle, _)| *handle)
            .collect();
        if fitting.is_empty() { all.iter().map(|(handle, _)| *handle).collect() } else { fitting }
    }

    /// The packages that a user who asks for `name` asks for: those of that name, else those that provide it.
    pub(super) fn asked_for(&self, name: &str) -> Vec<Handle> {
        match self.packages.get(name) {
            Some(handles) => handles.clone(),
            None => self.names.get(name).into_iter().flatten().map(|(handle, _)| *handle).collect(),
        }
    }
}

/// Adds the edges from `packages` to those that provide what they need; what nobody provides becomes a property.
/// Looks at no more than `budget` providers, and says how many dependencies are left unresolved for it.
pub(super) fn add_edges(
    packages: &[(Handle, &Package)],
    providers: &Providers<'_>,
    mut budget: usize,
    draft: &mut Draft,
) -> usize {
    let mut left_out = 0;
    for (from, package) in packages {
        for dependency in package.depends.iter().filter(|dependency| !dependency.conflict) {
            let Some(rest) = budget.checked_sub(providers.all(dependency).len()) else {
                left_out += 1;
                continue;
            };
            budget = rest;
            let found = providers.find(dependency);
            if found.is_empty()
                && let Some(component) = draft.get_mut(*from)
            {
                component.property("sbomctl:apk:unresolved-dependency", dependency.to_text());
            }
            // What a package provides itself it needs of no other.
            if found.contains(from) {
                continue;
            }
            let kind = if found.len() > 1 { EdgeKind::DependsOnAlternative } else { EdgeKind::DependsOn };
            for to in found {
                draft.edge(*from, to, kind);
            }
        }
    }
    left_out
}

/// Where a file that a dependency names may lie: there, or below `usr`, to which `bin`, `sbin` and `lib` have moved.
fn places(path: &str) -> [ImagePath; 2] {
    let path = ImagePath::from(path);
    let moved = ImagePath::from("usr").join(path.as_bytes());
    [path, moved]
}
