//! A bill in the making: components and edges are added in any order, `finish` gives them identity and order.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Attribution, Bom, Component, ComponentKind, Edge, EdgeKind, Gap, GapKind, Licensing, OperatingSystem,
    OwnedFiles, Scope, Subject, Usage, gaps::Gaps,
};
use crate::{
    digest::Digest,
    limits::{LimitExceeded, Limits},
    purl::Purl,
};

impl Component {
    /// A component of which only the name is known yet.
    pub fn new(kind: ComponentKind, name: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            kind,
            name: name.into(),
            version: None,
            purl: None,
            cpes: Vec::new(),
            description: None,
            licenses: Licensing::default(),
            concluded: Licensing::default(),
            supplier: None,
            originator: None,
            source: None,
            ancestors: Vec::new(),
            references: Vec::new(),
            hashes: Vec::new(),
            files: OwnedFiles::default(),
            usage: Usage::default(),
            requested: false,
            properties: BTreeSet::new(),
            evidence: Vec::new(),
            layers: Attribution::default(),
        }
    }

    /// Adds the property `name`.
    pub fn property(&mut self, name: &str, value: impl Into<String>) {
        self.properties.insert((name.to_owned(), value.into()));
    }
}

/// A component of a [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(usize);

/// A bill in the making.
#[derive(Debug, Default)]
pub struct Draft {
    components: Vec<Component>,
    shared: BTreeMap<Purl, Handle>,
    edges: BTreeSet<(Handle, Handle, EdgeKind)>,
    gaps: Gaps,
    /// Bytes counted by [`Self::may_copy`], and of what kind how much was refused.
    copied: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Draft {
    /// A bill of which nothing is known yet but what could not be read.
    pub fn with(gaps: Gaps) -> Self {
        Self { gaps, ..Self::default() }
    }

    /// Adds a component of its own, even if another has the same purl.
    pub fn add(&mut self, component: Component) -> Handle {
        self.components.push(component);
        Handle(self.components.len() - 1)
    }

    /// Adds a component that is one and the same wherever its purl is found: a module or crate that several
    /// programs contain. Evidence adds up. Without a purl it is added as one of its own.
    pub fn add_shared(&mut self, component: Component) -> Handle {
        let Some(purl) = component.purl.clone() else { return self.add(component) };
        if let Some(&handle) = self.shared.get(&purl) {
            if let Some(known) = self.components.get_mut(handle.0) {
                merge(known, component);
            }
            return handle;
        }
        let handle = self.add(component);
        self.shared.insert(purl, handle);
        handle
    }

    /// The component behind `handle`.
    pub fn get(&self, handle: Handle) -> Option<&Component> {
        self.components.get(handle.0)
    }

    /// The component behind `handle`, to change.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Component> {
        self.components.get_mut(handle.0)
    }

    /// All components with their handles.
    pub fn components(&self) -> impl Iterator<Item = (Handle, &Component)> {
        self.components.iter().enumerate().map(|(index, component)| (Handle(index), component))
    }

    /// Adds an edge; one from a component to itself is none.
    pub fn edge(&mut self, from: Handle, to: Handle, kind: EdgeKind) {
        if from != to {
            self.edges.insert((from, to, kind));
        }
    }

    /// Whether a component may take over `bytes` of `what` from a file that may speak of many components: a few
    /// records can name a large file again and again. What may not is counted, and becomes a gap.
    pub fn may_copy(&mut self, what: &'static str, bytes: usize, limits: &Limits) -> bool {
        let copied = self.copied.saturating_add(bytes as u64);
        let allowed = limits.copied_bytes.check(copied).is_ok();
        if allowed {
            self.copied = copied;
        } else {
            // Once full it stays full, so that nobody needs to measure what comes after.
            self.copied = u64::MAX;
            *self.refused.entry(what).or_default() += 1;
        }
        allowed
    }

    /// Adds a gap.
    pub fn gap(&mut self, gap: Gap) {
        self.gaps.add(gap);
    }

    /// The bill: components within `scope`, identified and sorted, with the edges between them.
    pub fn finish(
        mut self,
        subject: Subject,
        operating_system: Option<OperatingSystem>,
        scope: Scope,
        limits: &Limits,
    ) -> Bom {
        for component in &mut self.components {
            component.evidence.sort();
            component.evidence.dedup();
            component.references.sort();
            component.references.dedup();
            component.ancestors.sort();
            component.ancestors.dedup();
            component.cpes.sort();
            component.cpes.dedup();
        }
        assign_ids(&mut self.components);
        let mut order: Vec<usize> = (0..self.components.len()).collect();
        order.retain(|&index| match scope {
            Scope::AllLayers => true,
            Scope::Squashed => self.components.get(index).is_some_and(|c| c.layers.removed.is_none()),
        });
        order.sort_by(|&a, &b| {
            let id = |index: usize| self.components.get(index).map(|c| &c.id);
            id(a).cmp(&id(b))
        });
        let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let mut edges: Vec<Edge> = self
            .edges
            .iter()
            .filter_map(|(from, to, kind)| {
                Some(Edge { from: *place.get(&from.0)?, to: *place.get(&to.0)?, kind: *kind })
            })
            .collect();
        edges.sort();
        let mut slots: Vec<Option<Component>> = self.components.into_iter().map(Some).collect();
        let components = order.iter().filter_map(|&index| slots.get_mut(index)?.take()).collect();

        for (what, count) in &self.refused {
            let exceeded = LimitExceeded { limit: limits.copied_bytes };
            let message = format!("{count} components are listed without {what}: {exceeded}");
            self.gaps.add(Gap::new(GapKind::Limit, message));
        }
        let (gaps, gaps_not_listed) = self.gaps.list(limits.gaps);
        Bom {
            subject,
            operating_system,
            components,
            edges,
            files: Vec::new(),
            files_not_listed: 0,
            embedded: Vec::new(),
            gaps,
            gaps_not_listed,
        }
    }
}

impl Bom {
    /// Adds a gap that shows only once the bill is there.
    pub(super) fn add_gap(&mut self, gap: Gap, limits: &Limits) {
        let at = self.gaps.partition_point(|known| *known < gap);
        self.gaps.insert(at, gap);
        let listed = self.gaps.len().min(limits.gaps.as_usize());
        self.gaps_not_listed += (self.gaps.len() - listed) as u64;
        self.gaps.truncate(listed);
    }
}

fn merge(known: &mut Component, other: Component) {
    known.evidence.extend(other.evidence);
    known.references.extend(other.references);
    known.ancestors.extend(other.ancestors);
    known.cpes.extend(other.cpes);
    known.properties.extend(other.properties);
    known.requested |= other.requested;
    if other.usage == Usage::Required {
        known.usage = Usage::Required;
    }
    let (a, b) = (known.layers, other.layers);
    known.layers = match (a.removed, b.removed) {
        (Some(_), None) => b,
        (None, Some(_)) => a,
        (removed, other) => Attribution {
            introduced: a.introduced.min(b.introduced),
            changed: a.changed.max(b.changed),
            removed: removed.max(other),
        },
    };
}

/// The purl is the identity. Where several components share one, and where there is none, a hash over where
/// the component was found tells them apart.
fn assign_ids(components: &mut [Component]) {
    let base = |component: &Component| {
        if let Some(purl) = &component.purl {
            purl.to_string()
        } else {
            let version = component.version.as_deref().unwrap_or_default();
            format!("{}:{}@{version}", kind_prefix(component.kind), component.name)
        }
    };
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for component in components.iter() {
        *uses.entry(base(component)).or_default() += 1;
    }
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for component in components {
        let base = base(component);
        let alone = uses.get(&base) == Some(&1);
        let id = if alone && component.purl.is_some() {
            base
        } else {
            let mut place = Vec::new();
            for evidence in &component.evidence {
                place.extend_from_slice(evidence.path.as_bytes());
                place.push(0);
                place.extend_from_slice(evidence.detail.as_deref().unwrap_or_default().as_bytes());
                place.push(0);
            }
            place.extend_from_slice(format!("{:?}", component.layers).as_bytes());
            let hash: String = Digest::of(&place).hex().chars().take(12).collect();
            format!("{base}|{hash}")
        };
        // Two components may still be alike in all of this; their order of arrival is a function of the content.
        let nth = taken.entry(id.clone()).or_default();
        *nth += 1;
        component.id = if *nth == 1 { id } else { format!("{id}-{nth}") };
    }
}

fn kind_prefix(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::OsPackage => "package",
        ComponentKind::Application => "application",
        ComponentKind::Library => "library",
        ComponentKind::OperatingSystem => "os",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bom::{Evidence, Technique},
        image_path::ImagePath,
        oci::{LayerDescriptor, SubjectKind},
    };

    fn library(name: &str, path: &str) -> Component {
        let mut component = Component::new(ComponentKind::Library, name);
        component.purl = Some(Purl::new("cargo", name).version("1.0.0"));
        component.evidence.push(Evidence {
            layer: 0,
            path: ImagePath::from(path),
            technique: Technique::BinaryAnalysis,
            confidence: 100,
            detail: None,
        });
        component
    }

    fn finish(draft: Draft, scope: Scope) -> Bom {
        let subject = Subject {
            kind: SubjectKind::Folder,
            name: "test".into(),
            tag: None,
            layers: vec![LayerDescriptor::default()],
        };
        draft.finish(subject, None, scope, &Limits::default())
    }

    #[test]
    fn a_library_of_two_programs_is_one_component_with_two_places() {
        let mut draft = Draft::default();
        let a = draft.add_shared(library("serde", "bin/a"));
        let b = draft.add_shared(library("serde", "bin/b"));
        assert_eq!(a, b);
        let bom = finish(draft, Scope::Squashed);
        assert_eq!(bom.components.len(), 1);
        assert_eq!(bom.components[0].evidence.len(), 2);
        assert_eq!(bom.components[0].id, "pkg:cargo/serde@1.0.0");
    }

    #[test]
    fn components_that_share_a_purl_have_ids_of_their_own() {
        let mut draft = Draft::default();
        draft.add(library("serde", "bin/a"));
        draft.add(library("serde", "bin/b"));
        let bom = finish(draft, Scope::Squashed);
        assert_eq!(bom.components.len(), 2);
        assert_ne!(bom.components[0].id, bom.components[1].id);
        assert!(bom.components.iter().all(|c| c.id.starts_with("pkg:cargo/serde@1.0.0|")));
    }

    #[test]
    fn the_order_of_adding_changes_nothing() {
        let build = |names: &[&str]| {
            let mut draft = Draft::default();
            let handles: BTreeMap<&str, Handle> =
                names.iter().map(|name| (*name, draft.add(library(name, name)))).collect();
            draft.edge(handles["a"], handles["c"], EdgeKind::DependsOn);
            finish(draft, Scope::Squashed)
        };
        assert_eq!(build(&["a", "b", "c"]), build(&["c", "a", "b"]));
    }

    #[test]
    fn a_removed_component_and_its_edges_are_listed_for_all_layers_only() {
        let build = |scope| {
            let mut draft = Draft::default();
            let kept = draft.add(library("kept", "a"));
            let mut removed = library("removed", "b");
            removed.layers.removed = Some(2);
            let removed = draft.add(removed);
            draft.edge(kept, removed, EdgeKind::DependsOn);
            draft.edge(kept, kept, EdgeKind::DependsOn);
            finish(draft, scope)
        };
        let squashed = build(Scope::Squashed);
        assert_eq!((squashed.components.len(), squashed.edges.len()), (1, 0));
        let all = build(Scope::AllLayers);
        assert_eq!((all.components.len(), all.edges.len()), (2, 1));
    }
}
