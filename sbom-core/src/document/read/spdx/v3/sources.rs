//! Source packages → what the packages that were built from them say of their origin.

use std::collections::{HashMap, HashSet};

use crate::{
    document::{
        facts::beyond::source_purl_text,
        model::{Component, ComponentKind, Document, RelationshipKind, SourcePackage},
        read::{ReadError, elements::Copies},
    },
    limits::Limits,
};

/// Takes out source packages of which no more is known than what the packages that were built from them can say.
/// Such components, by index; nothing refers to them any more.
pub(super) fn fold(document: &mut Document, limits: &Limits) -> Result<HashSet<usize>, ReadError> {
    let sources = foldable(document);
    let copies = Copies::new(limits);
    let mut origins: HashMap<usize, Box<SourcePackage>> = HashMap::new();
    for relationship in &document.relationships {
        let Some(source) =
            document.components.get(relationship.to).filter(|_| sources.contains(&relationship.to))
        else {
            continue;
        };
        let source = origin(source);
        copies.add(&source.name)?;
        copies.add(&source.version)?;
        origins.insert(relationship.from, Box::new(source));
    }
    for (index, origin) in origins {
        if let Some(component) = document.components.get_mut(index) {
            component.source = Some(origin);
        }
    }
    document.relationships.retain(|relationship| !sources.contains(&relationship.to));
    Ok(sources)
}

fn foldable(document: &Document) -> HashSet<usize> {
    let components = document.components.iter().enumerate();
    let mut sources: HashSet<usize> =
        components.filter(|(_, component)| is_plain(component)).map(|(index, _)| index).collect();
    if let Some(root) = document.root {
        sources.remove(&root);
    }
    let mut built = HashSet::new();
    let mut used = HashSet::new();
    for relationship in &document.relationships {
        sources.remove(&relationship.from);
        let (Some(from), Some(to)) =
            (document.components.get(relationship.from), document.components.get(relationship.to))
        else {
            continue;
        };
        if sources.contains(&relationship.to) {
            used.insert(relationship.to);
            let is_origin = relationship.kind == RelationshipKind::GeneratedFrom
                && says_all(from, to)
                && built.insert(relationship.from);
            if !is_origin {
                sources.remove(&relationship.to);
            }
        }
    }
    sources.retain(|source| used.contains(source));
    sources
}

/// Whether nothing is known of a source package but its name, version, package URL and supplier.
fn is_plain(component: &Component) -> bool {
    component.kind == ComponentKind::Source
        && *component
            == Component {
                id: component.id.clone(),
                kind: ComponentKind::Source,
                name: component.name.clone(),
                version: component.version.clone(),
                purl: component.purl.clone(),
                supplier: component.supplier.clone(),
                ..Component::default()
            }
}

/// Whether `binary` can say all that is known of the package `source` that it was built from.
fn says_all(binary: &Component, source: &Component) -> bool {
    let purl = source_purl_text(binary, &origin(source));
    binary.source.is_none()
        && source.purl == purl
        && (source.supplier.is_none() || source.supplier == binary.supplier)
}

fn origin(source: &Component) -> SourcePackage {
    SourcePackage { name: source.name.clone(), version: source.version.clone().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::model::Relationship;

    fn check(purl: Option<&str>, kind: RelationshipKind, expected: Option<&str>) {
        let binary = Component {
            id: "pkg:deb/debian/bash@5?arch=amd64".to_owned(),
            purl: Some("pkg:deb/debian/bash@5?arch=amd64".to_owned()),
            ..Component::default()
        };
        let source = Component {
            id: "source".to_owned(),
            kind: ComponentKind::Source,
            name: "bash".to_owned(),
            version: Some("5-1".to_owned()),
            purl: purl.map(str::to_owned),
            ..Component::default()
        };
        let mut document = Document {
            components: vec![binary, source],
            relationships: vec![Relationship { from: 0, to: 1, kind }],
            ..Document::default()
        };
        let folded = fold(&mut document, &Limits::default()).unwrap();
        let found = document.components[0].source.as_ref().map(|source| source.version.as_str());
        assert_eq!((found, folded.is_empty()), (expected, expected.is_none()));
    }

    #[test]
    fn a_source_package_is_said_by_what_was_built_from_it() {
        check(Some("pkg:deb/debian/bash@5-1?arch=source"), RelationshipKind::GeneratedFrom, Some("5-1"));
    }

    #[test]
    fn a_source_package_of_which_more_is_known_stays() {
        check(Some("pkg:generic/bash@5-1"), RelationshipKind::GeneratedFrom, None);
        check(None, RelationshipKind::GeneratedFrom, None);
        check(Some("pkg:deb/debian/bash@5-1?arch=source"), RelationshipKind::DependsOn, None);
    }
}
