//! What a merged document is about.

use std::collections::BTreeSet;

use super::{Options, PREFIX};
use crate::{
    digest::Digest,
    document::model::{
        Completeness, Component, ComponentKind, Document, Property, Relationship, RelationshipKind,
    },
};

/// Roots named in a name that is made from them.
const NAMED: usize = 3;

/// What the documents are about, and what the result is to be about; by document and place in it.
pub(super) struct Roots {
    /// The roots of all documents.
    pub(super) old: Vec<(usize, usize)>,
    /// The root that the user names, in a document that is added for it.
    pub(super) named: Option<(usize, usize)>,
}

/// Finds the roots. A root that an earlier merge made to hold others makes way for these. Of a document without a
/// root, everything that nothing in it needs counts as one.
pub(super) fn take(documents: &mut Vec<Document>, options: &Options) -> Roots {
    let mut old = Vec::new();
    for (place, document) in documents.iter_mut().enumerate() {
        let roots = match document.root.filter(|&root| root < document.components.len()) {
            Some(root) if document.components.get(root).is_some_and(is_bracket) => open(document, root),
            Some(root) => vec![root],
            None => tops(document),
        };
        old.extend(roots.into_iter().map(|index| (place, index)));
    }
    let named = options.name.as_ref().map(|name| {
        documents.push(Document { components: vec![named(name, options)], ..Document::default() });
        (documents.len() - 1, 0)
    });
    Roots { old, named }
}

/// Makes the root of the result: the one that the user names, the one that all documents have, or one that holds
/// those of all documents.
pub(super) fn make(
    named: Option<usize>,
    old: &BTreeSet<usize>,
    components: &mut Vec<Component>,
    relationships: &mut Vec<Relationship>,
    complete: bool,
) -> Option<usize> {
    let root = match (named, old.len()) {
        (Some(named), _) => named,
        (None, 0 | 1) => return old.first().copied(),
        (None, _) => {
            let mut roots: Vec<&Component> = old.iter().filter_map(|&root| components.get(root)).collect();
            roots.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            let bracket = bracket(&roots);
            components.push(bracket);
            components.len() - 1
        }
    };
    if let Some(root) = components.get_mut(root).filter(|_| !complete) {
        root.completeness = Completeness::Incomplete;
    }
    let contains = |&to: &usize| Relationship { from: root, to, kind: RelationshipKind::Contains };
    relationships.extend(old.iter().map(contains));
    Some(root)
}

fn named(name: &str, options: &Options) -> Component {
    let version = options.version.as_deref().map(|version| format!("@{version}")).unwrap_or_default();
    Component {
        id: format!("application:{name}{version}"),
        kind: ComponentKind::Application,
        name: name.to_owned(),
        version: options.version.clone(),
        ..Component::default()
    }
}

fn bracket(roots: &[&Component]) -> Component {
    let ids: Vec<&str> = roots.iter().map(|root| root.id.as_str()).collect();
    let hash: String = Digest::of(ids.join("\n").as_bytes()).hex().chars().take(16).collect();
    let mut names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    let name = match names.as_slice() {
        [all @ .., last] if more == 0 && !all.is_empty() => format!("{} and {last}", all.join(", ")),
        [one] => format!("{} of {one}", roots.len()),
        names => format!("{} and {more} more", names.get(..NAMED).unwrap_or_default().join(", ")),
    };
    Component {
        id: format!("merge:{hash}"),
        kind: ComponentKind::Application,
        name,
        properties: vec![Property { name: format!("{PREFIX}root"), value: "true".to_owned() }],
        ..Component::default()
    }
}

/// Whether the component only holds the roots of merged documents.
fn is_bracket(component: &Component) -> bool {
    component.property(&format!("{PREFIX}root")).is_some()
}

/// Takes away the root of a document that only holds others. Those.
fn open(document: &mut Document, root: usize) -> Vec<usize> {
    let held = |relationship: &&Relationship| relationship.kind.is_need() && relationship.to != root;
    let roots: BTreeSet<usize> =
        document.outgoing(root).iter().filter(held).map(|relationship| relationship.to).collect();
    let at = |index: usize| if index > root { index - 1 } else { index };
    document.components.remove(root);
    document.root = None;
    document.relationships.retain(|relationship| relationship.from != root && relationship.to != root);
    for relationship in &mut document.relationships {
        (relationship.from, relationship.to) = (at(relationship.from), at(relationship.to));
    }
    document.distribution = document.distribution.take().filter(|system| system.component != root);
    if let Some(system) = &mut document.distribution {
        system.component = at(system.component);
    }
    roots.into_iter().map(at).filter(|&index| index < document.components.len()).collect()
}

/// What nothing else in the document needs; everything, if all is needed by something.
fn tops(document: &Document) -> Vec<usize> {
    let needs = document.relationships.iter().filter(|edge| edge.kind.is_need() && edge.from != edge.to);
    let needed: BTreeSet<usize> = needs.map(|edge| edge.to).collect();
    let all = 0..document.components.len();
    let tops: Vec<usize> = all.clone().filter(|index| !needed.contains(index)).collect();
    if tops.is_empty() { all.collect() } else { tops }
}
