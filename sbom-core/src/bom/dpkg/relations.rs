//! Relations between installed packages → edges.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        EdgeKind, Gap, GapKind,
        draft::{Draft, Handle},
    },
    collect::Installed,
    root::Root,
};
use crate::{
    detect::dpkg::{
        Package,
        relation::{Operator, Relation, Target},
    },
    image_path::ImagePath,
    limits::{LimitExceeded, Limits},
};

/// Packages of one name, or that provide one name, which are looked at. Real ones are a few, the most being
/// fonts and mail servers.
const MAX_CANDIDATES: usize = 256;
/// Candidates looked at for each package that a database may have.
const CANDIDATES_PER_PACKAGE: u64 = 32;
/// Bytes of a version whose comparison costs as much as looking at one more candidate.
const VERSION_STEP: usize = 32;

/// How many candidates may still be looked at. Few relations can name many packages, each with a long version.
#[derive(Debug)]
struct Budget {
    left: u64,
    /// Relations that are not resolved for it.
    unresolved: u64,
}

impl Budget {
    /// Whether all of `candidates` may be looked at for `target`.
    fn take(&mut self, candidates: &[Candidate<'_>], target: &Target) -> bool {
        let longest = target.constraint.as_ref().map_or(0, |constraint| constraint.version.len());
        let cost = |candidate: &Candidate<'_>| {
            1 + candidate.version.map_or(0, str::len).min(longest).div_ceil(VERSION_STEP) as u64
        };
        let rest = self.left.checked_sub(candidates.iter().map(cost).sum());
        self.left = rest.unwrap_or(0);
        self.unresolved += u64::from(rest.is_none());
        rest.is_some()
    }
}

/// Adds the edges between installed packages. `handles` are those of `installed`, in the same order.
pub(super) fn connect(
    installed: &[Installed<'_>],
    handles: &[Handle],
    roots: &BTreeMap<ImagePath, Root<'_>>,
    limits: &Limits,
    draft: &mut Draft,
) {
    let mut indices: BTreeMap<(&ImagePath, bool), Index<'_>> = BTreeMap::new();
    for (package, handle) in installed.iter().zip(handles) {
        if package.layers.removed.is_none() {
            let index = indices.entry((&package.root, package.opkg)).or_default();
            index.add(&package.package, *handle);
        }
    }
    let mut edges = 0_u64;
    let mut budget =
        Budget { left: limits.packages.value.saturating_mul(CANDIDATES_PER_PACKAGE), unresolved: 0 };
    for ((root, _), index) in &indices {
        let native = roots.get(*root).and_then(|root| root.architecture);
        for &(package, handle) in &index.packages {
            let found = index.edges(package, native, &mut budget);
            edges += found.len() as u64;
            if limits.edges.check(edges).is_err() {
                draft.gap(Gap::new(GapKind::Limit, LimitExceeded { limit: limits.edges }.to_string()));
                return;
            }
            for (to, kind) in found {
                draft.edge(handle, to, kind);
            }
        }
    }
    if budget.unresolved > 0 {
        let message =
            format!("{} relations are not resolved: too many packages satisfy them", budget.unresolved);
        draft.gap(Gap::new(GapKind::Limit, message));
    }
    let crowded: BTreeSet<&str> = indices.values().flat_map(Index::crowded).collect();
    for name in crowded {
        let message =
            format!("more than {MAX_CANDIDATES} packages are or provide {name}; edges reach the first");
        draft.gap(Gap::new(GapKind::Limit, message));
    }
}

/// The installed packages of one root, by what they are and provide.
#[derive(Debug, Default)]
struct Index<'a> {
    packages: Vec<(&'a Package, Handle)>,
    by_name: BTreeMap<&'a str, Vec<Candidate<'a>>>,
}

/// A package that may satisfy a relation.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    package: &'a Package,
    handle: Handle,
    /// The version that a relation can ask for; none where a name is provided without one.
    version: Option<&'a str>,
    /// It provides the name, which is another package's or none's.
    provided: bool,
}

impl<'a> Index<'a> {
    fn add(&mut self, package: &'a Package, handle: Handle) {
        self.packages.push((package, handle));
        let version = Some(package.version.as_str());
        let own = Candidate { package, handle, version, provided: false };
        self.by_name.entry(&package.name).or_default().push(own);
        for target in package.relations.provides.iter().flat_map(|relation| &relation.alternatives) {
            let exact = target.constraint.as_ref().filter(|c| c.operator == Operator::Equal);
            let version = exact.map(|constraint| constraint.version.as_str());
            let candidate = Candidate { package, handle, version, provided: true };
            self.by_name.entry(&target.name).or_default().push(candidate);
        }
    }

    /// Names that more packages have than are looked at.
    fn crowded(&self) -> impl Iterator<Item = &'a str> {
        self.by_name.iter().filter(|(_, candidates)| candidates.len() > MAX_CANDIDATES).map(|(name, _)| *name)
    }

    /// The edges that leave `package`.
    fn edges(
        &self,
        package: &Package,
        native: Option<&str>,
        budget: &mut Budget,
    ) -> BTreeSet<(Handle, EdgeKind)> {
        let relations = &package.relations;
        let mut edges = BTreeSet::new();
        let mut needed = BTreeSet::new();
        for relation in relations.pre_depends.iter().chain(&relations.depends) {
            let found = self.satisfying(relation, package, native, budget);
            if let [only] = found.as_slice() {
                needed.insert(*only);
            }
            let kind = if found.len() > 1 { EdgeKind::DependsOnAlternative } else { EdgeKind::DependsOn };
            edges.extend(found.into_iter().map(|to| (to, kind)));
        }
        // What is needed anyway is no alternative.
        edges.retain(|(to, kind)| *kind != EdgeKind::DependsOnAlternative || !needed.contains(to));
        for (relations, kind) in
            [(&relations.recommends, EdgeKind::Recommends), (&relations.suggests, EdgeKind::Suggests)]
        {
            for relation in relations {
                let found = self.satisfying(relation, package, native, budget);
                edges.extend(found.into_iter().map(|to| (to, kind)));
            }
        }
        for target in relations.breaks.iter().flat_map(|relation| &relation.alternatives) {
            let broken = self.candidates(&target.name).iter().filter(|candidate| !candidate.provided);
            edges.extend(broken.map(|candidate| (candidate.handle, EdgeKind::Breaks)));
        }
        edges
    }

    fn candidates(&self, name: &str) -> &[Candidate<'a>] {
        let all = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        all.get(..MAX_CANDIDATES).unwrap_or(all)
    }

    /// The packages that satisfy any alternative of `relation`, sorted.
    fn satisfying(
        &self,
        relation: &Relation,
        of: &Package,
        native: Option<&str>,
        budget: &mut Budget,
    ) -> Vec<Handle> {
        let mut found: Vec<Handle> = relation
            .alternatives
            .iter()
            .filter(|target| target.applies_to(of.architecture.as_deref()))
            .flat_map(|target| self.matching(target, of, native, budget))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The packages that satisfy `target`. The installed packages did satisfy it: what does not by the book
    /// counts only where nothing else does.
    fn matching(
        &self,
        target: &Target,
        of: &Package,
        native: Option<&str>,
        budget: &mut Budget,
    ) -> Vec<Handle> {
        let candidates = self.candidates(&target.name);
        if !budget.take(candidates, target) {
            return Vec::new();
        }
        let fits: Vec<_> = candidates
            .iter()
            .map(|candidate| (fit(candidate, target, of, native), candidate.handle))
            .collect();
        let best = fits.iter().map(|(fit, _)| *fit).min();
        fits.into_iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, handle)| handle).collect()
    }
}

/// How well a candidate satisfies a relation, the best first: by its architecture, then by its version.
fn fit(candidate: &Candidate<'_>, target: &Target, of: &Package, native: Option<&str>) -> (u8, bool) {
    let version = target
        .constraint
        .as_ref()
        .is_none_or(|constraint| candidate.version.is_some_and(|version| constraint.accepts(version)));
    (architecture_fit(candidate.package, target, of, native), !version)
}

fn architecture_fit(candidate: &Package, target: &Target, of: &Package, native: Option<&str>) -> u8 {
    let (Some(has), Some(of)) = (candidate.architecture.as_deref(), of.architecture.as_deref()) else {
        return 0;
    };
    // A package that runs anywhere counts as one of the system's architecture.
    let own = if of == "all" { native } else { Some(of) };
    let wanted = match target.qualifier.as_deref() {
        Some("any") => return u8::from(Some(has) != own && has != "all"),
        Some("native") => native,
        Some(architecture) => Some(architecture),
        None => own,
    };
    let Some(wanted) = wanted else { return 0 };
    if has == wanted || has == "all" {
        0
    } else {
        1 + u8::from(candidate.multi_arch.as_deref() != Some("foreign"))
    }
}
