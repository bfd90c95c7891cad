//! Relationships in CycloneDX: one list of needs for each component, and properties `sbomctl:edge:KIND` for what a
//! need is beyond that, or what is no need at all.

use super::model::{Component, ComponentKind, Document, Relationship, RelationshipKind};

const PREFIX: &str = "sbomctl:edge:";

/// What the component at `from` needs: indices, sorted and without repetition.
pub(super) fn needs(document: &Document, from: usize) -> Vec<usize> {
    let needs = document.outgoing(from).iter().filter(|relationship| relationship.kind.is_need());
    let mut needs: Vec<usize> = needs.map(|relationship| relationship.to).collect();
    needs.dedup();
    needs
}

/// The relationships of the component at `from` that its list of needs does not say: names of properties, and the
/// index of the component that the value names. Sorted by name.
pub(super) fn beyond_needs(document: &Document, from: usize) -> Vec<(String, usize)> {
    let outgoing = document.outgoing(from);
    let mut properties: Vec<(String, usize)> = outgoing
        .chunk_by(|a, b| a.to == b.to)
        .flat_map(|pair| {
            let mut needs = pair.iter().filter(|relationship| relationship.kind.is_need());
            let only = needs.next().filter(|_| needs.next().is_none());
            let plain = only.is_some_and(|only| only.kind == plain_kind(document, from, only.to));
            pair.iter().filter(move |relationship| !(plain && relationship.kind.is_need()))
        })
        .map(|relationship| ([PREFIX, relationship.kind.name()].concat(), relationship.to))
        .collect();
    properties.sort();
    properties
}

/// Makes out of the needs of a document that was read, all of them `DependsOn` yet, and of its properties
/// `sbomctl:edge:KIND`, the relationships that they stand for.
pub(super) fn decode(document: &mut Document) {
    let mut stated = properties(document);
    stated.sort_unstable();
    stated.dedup();
    let mut relationships = std::mem::take(&mut document.relationships);
    relationships.sort_unstable();
    relationships.dedup();
    for relationship in &mut relationships {
        if relationship.kind != RelationshipKind::DependsOn {
            continue;
        }
        let pair = |other: &Relationship| (other.from, other.to);
        let start = stated.partition_point(|other| pair(other) < pair(relationship));
        let same = stated.get(start..).unwrap_or_default().iter();
        let mut same = same.take_while(|other| pair(other) == pair(relationship));
        match same.find(|other| other.kind.is_need()) {
            // All that the need is stands in the properties; saying one of them again changes nothing.
            Some(need) => relationship.kind = need.kind,
            None => relationship.kind = plain_kind(document, relationship.from, relationship.to),
        }
    }
    relationships.append(&mut stated);
    relationships.sort_unstable();
    relationships.dedup();
    document.relationships = relationships;
}

/// What a need is of which nothing more is said: an operating system and an image contain what they need, but an
/// image needs by itself the packages of its operating system that were asked for by name.
fn plain_kind(document: &Document, from: usize, to: usize) -> RelationshipKind {
    let kind = |index: usize| document.components.get(index).map(|component| component.kind);
    let is_os_package = || document.components.get(to).is_some_and(Component::is_os_package);
    match kind(from) {
        Some(ComponentKind::OperatingSystem) => RelationshipKind::Contains,
        Some(ComponentKind::Container) if !is_os_package() => RelationshipKind::Contains,
        _ => RelationshipKind::DependsOn,
    }
}

/// Takes the relationships out of the properties. What names no component stays a property.
fn properties(document: &mut Document) -> Vec<Relationship> {
    let ids: std::collections::HashMap<String, usize> = if document.components.iter().any(has_edges) {
        let ids = document.components.iter().enumerate();
        ids.map(|(index, component)| (component.id.clone(), index)).collect()
    } else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (from, component) in document.components.iter_mut().enumerate() {
        component.properties.retain(|property| {
            let kind = property.name.strip_prefix(PREFIX).and_then(RelationshipKind::from_name);
            let (Some(kind), Some(&to)) = (kind, ids.get(&property.value)) else { return true };
            found.push(Relationship { from, to, kind });
            false
        });
    }
    found
}

fn has_edges(component: &Component) -> bool {
    component.properties.iter().any(|property| property.name.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::model::Property;

    prop_compose! {
        fn any_document()(
            kinds in proptest::collection::vec((0..ComponentKind::ALL.len(), any::<bool>()), 1..6),
            edges in proptest::collection::vec((0..6_usize, 0..6_usize, 0..RelationshipKind::ALL.len()), 0..24),
        ) -> Document {
            let component = |(index, &(kind, os)): (usize, &(usize, bool))| Component {
                id: format!("c{index}"),
                kind: ComponentKind::ALL[kind],
                purl: os.then(|| format!("pkg:deb/debian/c{index}@1")),
                ..Component::default()
            };
            let count = kinds.len();
            let edge = |(from, to, kind): (usize, usize, usize)| {
                Relationship { from: from % count, to: to % count, kind: RelationshipKind::ALL[kind] }
            };
            let mut document = Document {
                components: kinds.iter().enumerate().map(component).collect(),
                relationships: edges.into_iter().map(edge).collect(),
                root: Some(0),
                ..Document::default()
            };
            document.normalise();
            document
        }
    }

    proptest! {
        #[test]
        fn relationships_are_read_as_they_were_written(document in any_document()) {
            let mut read = document.clone();
            read.relationships.clear();
            for from in 0..document.components.len() {
                for to in needs(&document, from) {
                    read.relationships.push(Relationship { from, to, kind: RelationshipKind::DependsOn });
                }
                for (name, to) in beyond_needs(&document, from) {
                    let value = document.components[to].id.clone();
                    read.components[from].properties.push(Property { name, value });
                }
            }
            decode(&mut read);
            prop_assert_eq!(read, document);
        }
    }
}
