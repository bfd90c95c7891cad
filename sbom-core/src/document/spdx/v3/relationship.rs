//! What elements have to do with each other: one relationship for each element and kind, and whether that is all.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Element, Graph, iri::Iri};
use crate::document::{
    model::{
        Completeness, Component, Document,
        RelationshipKind::{
            self, Breaks, BuildDependsOn, DependsOn, DependsOnAlternative, DevDependsOn, OptionalDependsOn,
            Other, Recommends, RuntimeDependsOn, Suggests, TestDependsOn,
        },
    },
    spdx::vocabulary3::RELATIONSHIPS,
};

/// How a relationship is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wording {
    /// The type.
    name: &'static str,
    /// When it holds, for those that need not hold always.
    scope: Option<&'static str>,
    /// Whether the second element stands first.
    reversed: bool,
    /// Whether the type says all that the kind does. If not, a comment names the kind.
    exact: bool,
}

fn wording(kind: RelationshipKind) -> Wording {
    let (near, scope) = match kind {
        BuildDependsOn => (DependsOn, Some("build")),
        DevDependsOn => (DependsOn, Some("development")),
        TestDependsOn => (DependsOn, Some("test")),
        RuntimeDependsOn => (DependsOn, Some("runtime")),
        DependsOnAlternative => (DependsOn, None),
        Recommends | Suggests => (OptionalDependsOn, None),
        Breaks => (Other, None),
        kind => (kind, None),
    };
    let said = RELATIONSHIPS.iter().find(|(_, meaning)| meaning.exact && meaning.kind == near);
    let (name, reversed) = said.map_or(("other", false), |&(name, meaning)| (name, meaning.reversed));
    let exact = name != "other" && (near == kind || scope.is_some());
    Wording { name, scope, reversed, exact }
}

/// Relationships that are said from their other end: that end, the kind, and where they leave. Sorted.
pub(super) struct Reversed(Vec<(usize, RelationshipKind, usize)>);

impl Reversed {
    pub(super) fn of(model: &Document) -> Self {
        let reversed = model.relationships.iter().filter(|edge| wording(edge.kind).reversed);
        let mut reversed: Vec<_> = reversed.map(|edge| (edge.to, edge.kind, edge.from)).collect();
        reversed.sort_unstable();
        Self(reversed)
    }

    /// Those that are said of the component at `index`.
    fn of_component(&self, index: usize) -> &[(usize, RelationshipKind, usize)] {
        let start = self.0.partition_point(|&(end, ..)| end < index);
        let rest = self.0.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|&(end, ..)| end == index)).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the format")]
pub(super) struct Relationship<'a> {
    from: Iri<'a>,
    relationship_type: &'static str,
    to: Vec<Iri<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

impl Graph<'_> {
    /// Those that hold only at some point of the subject's life.
    pub(super) fn scoped_relationships(&self) -> impl Iterator<Item = Element<'_, Relationship<'_>>> {
        self.order.iter().flat_map(|&index| self.between(index, true))
    }

    /// All others: of components, and of source packages.
    pub(super) fn relationships(&self) -> impl Iterator<Item = Element<'_, Relationship<'_>>> {
        let of_components = self.order.iter().flat_map(|&index| {
            let mut all = self.between(index, false);
            let Some(component) = self.model.components.get(index) else { return all };
            all.extend(self.no_need(index, component));
            all.extend(self.licenses_of(index, component));
            all.sort_by(|a, b| a.spdx_id.cmp(&b.spdx_id));
            all
        });
        let of_sources = self.built().map(|built| {
            let source = self.iri(built.id);
            let mut to: Vec<_> = built.packages.iter().filter_map(|&index| self.iri_of(index)).collect();
            to.sort_unstable();
            relationship(source, "generates", "generates", to)
        });
        of_components.chain(of_sources)
    }

    /// What the component at `index` has to do with others, by kind.
    fn between(&self, index: usize, scoped: bool) -> Vec<Element<'_, Relationship<'_>>> {
        let (Some(from), Some(component)) = (self.iri_of(index), self.model.components.get(index)) else {
            return Vec::new();
        };
        let outgoing = self.model.outgoing(index).iter().map(|edge| (edge.kind, edge.to));
        let reversed = self.reversed.of_component(index).iter().map(|&(_, kind, to)| (kind, to));
        let mut by_kind: BTreeMap<RelationshipKind, Vec<Iri<'_>>> = BTreeMap::new();
        for (kind, to) in outgoing.filter(|&(kind, _)| !wording(kind).reversed).chain(reversed) {
            if wording(kind).scope.is_some() == scoped {
                by_kind.entry(kind).or_default().extend(self.iri_of(to));
            }
        }
        let relationships = by_kind.into_iter().map(|(kind, mut to)| {
            to.sort_unstable();
            let wording = wording(kind);
            let mut element = relationship(from, wording.name, kind.name(), to);
            element.body.scope = wording.scope;
            element.body.comment = (!wording.exact).then(|| kind.name());
            if kind.is_need() {
                element.body.completeness = Some(completeness(component));
            }
            if scoped {
                element.kind = "LifecycleScopedRelationship";
            }
            element
        });
        let mut relationships: Vec<_> = relationships.collect();
        relationships.sort_by(|a, b| a.spdx_id.cmp(&b.spdx_id));
        relationships
    }

    /// What is known of the needs of a component of which none are.
    fn no_need<'g>(&'g self, index: usize, component: &Component) -> Option<Element<'g, Relationship<'g>>> {
        let nothing = match component.completeness {
            Completeness::Complete => Iri::NONE,
            Completeness::Incomplete => Iri::NO_ASSERTION,
            Completeness::Unknown => return None,
        };
        if self.model.outgoing(index).iter().any(|edge| edge.kind.is_need()) {
            return None;
        }
        let mut element = relationship(self.iri_of(index)?, "dependsOn", "dependsOn", vec![nothing]);
        element.body.completeness = Some(completeness(component));
        Some(element)
    }

    fn licenses_of(&self, index: usize, component: &Component) -> Vec<Element<'_, Relationship<'_>>> {
        let licenses =
            [("hasConcludedLicense", &component.concluded), ("hasDeclaredLicense", &component.declared)];
        let of = |(name, licensing)| {
            Some(relationship(self.iri_of(index)?, name, name, vec![self.expression(licensing)?]))
        };
        licenses.into_iter().filter_map(of).collect()
    }
}

fn relationship<'a>(
    from: Iri<'a>,
    relationship_type: &'static str,
    name: &'static str,
    to: Vec<Iri<'a>>,
) -> Element<'a, Relationship<'a>> {
    Element {
        kind: "Relationship",
        spdx_id: from.about("Relationship-", name),
        creation_info: super::CREATION_INFO,
        body: Relationship { from, relationship_type, to, scope: None, completeness: None, comment: None },
    }
}

fn completeness(component: &Component) -> &'static str {
    match component.completeness {
        Completeness::Complete => "complete",
        Completeness::Incomplete => "incomplete",
        Completeness::Unknown => "noAssertion",
    }
}
