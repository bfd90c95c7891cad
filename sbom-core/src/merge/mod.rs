//! Several documents → one that says what each of them says.
//!
//! Components that are the same become one, with the union of what is said of them. Two are the same if their package
//! URLs are, unless they state digests that contradict each other; without a package URL, if kind, group, name, version
//! and digests are, and where there are no digests, the places they were found in. Of facts that only one value can
//! have, and of which the documents state several, each value is kept as a property `sbomctl:merge:FACT` and told as
//! a [`Contradiction`]; components whose digests contradict each other stand side by side.
//!
//! The result does not depend on the order of the documents, nor on whether they are merged at once or bit by bit,
//! save for one case: a component without digests has no place of its own among others of its package URL whose
//! digests contradict each other, and stays with those that it was merged with first.

use std::collections::BTreeSet;

use crate::document::model::{
    Component, ComponentKind, Distribution, Document, Header, Origin, Property, Relationship,
};

mod facts;
mod identity;
mod layers;
mod licenses;
mod root;
#[cfg(test)]
mod tests;

use facts::Unite;

/// Properties in which facts are kept that have several values begin with this.
const PREFIX: &str = "sbomctl:merge:";

/// What a merged document is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The name of a component that is to be the new root and contains the roots of all documents. Without it, that
    /// component is named after the roots, and made only if there is more than one; it makes way for a new one
    /// when the result is merged again.
    pub name: Option<String>,
    /// The version of that component.
    pub version: Option<String>,
}

/// One document out of several, and where they contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What all of them say.
    pub document: Document,
    /// Facts of which they state different values, sorted.
    pub contradictions: Vec<Contradiction>,
}

/// A fact about one component, of which documents state different values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contradiction {
    /// The package URL of the component; where it has none, its name.
    pub component: String,
    /// What is contradicted: `version`, `license`, `concluded license`, `supplier`, `originator`, `source`, `hash`,
    /// `verification code`.
    pub fact: &'static str,
    /// The values, and which documents state each: indices into what was merged, sorted.
    pub claims: Vec<(String, Vec<usize>)>,
}

/// Makes one document of `documents`.
pub fn merge(mut documents: Vec<Document>, options: &Options) -> Merged {
    let layers = layers::unite(&mut documents);
    licenses::tell_apart(&mut documents);
    let mut header = header(&mut documents);
    let roots = root::take(&mut documents, options);
    let gaps: BTreeSet<_> = documents.iter_mut().flat_map(|document| document.gaps.drain(..)).collect();
    let gaps_not_listed =
        documents.iter().fold(0_u64, |sum, document| sum.saturating_add(document.gaps_not_listed));

    let classes = identity::classes(&documents);
    let mut relationships: Vec<Relationship> = Vec::new();
    let mut distributions: Vec<(Distribution, usize)> = Vec::new();
    let mut members: Vec<Vec<(usize, Component)>> = vec![Vec::new(); classes.count()];
    for (place, document) in documents.into_iter().enumerate() {
        let of = |index: usize| classes.of(place, index);
        relationships.extend(document.relationships.iter().filter_map(|relationship| {
            Some(Relationship { from: of(relationship.from)?, to: of(relationship.to)?, ..*relationship })
        }));
        distributions.extend(document.distribution.and_then(|distribution| {
            let class = of(distribution.component)?;
            Some((Distribution { component: class, ..distribution }, class))
        }));
        for (index, component) in document.components.into_iter().enumerate() {
            if let Some(members) = of(index).and_then(|class| members.get_mut(class)) {
                members.push((place, component));
            }
        }
    }
    let old_roots: BTreeSet<usize> =
        roots.old.iter().filter_map(|&(document, index)| classes.of(document, index)).collect();
    let named = roots.named.and_then(|(document, index)| classes.of(document, index));

    let mut contradictions = Vec::new();
    let unite = Unite { layers: &layers };
    let mut components: Vec<Component> = Vec::with_capacity(members.len());
    for (class, members) in members.into_iter().enumerate() {
        let mut component = unite.all(members, &mut contradictions);
        classes.id(class).clone_into(&mut component.id);
        if let Some(split) = classes.split(class) {
            let claims = split.iter().map(|(value, places)| (value.clone(), places.clone()));
            contradictions.push(Contradiction {
                component: facts::name(&component).to_owned(),
                fact: "hash",
                claims: claims.collect(),
            });
        }
        components.push(component);
    }
    contradictions.sort();
    contradictions.dedup();

    let distribution = settle_systems(&mut components, distributions);
    let root = root::make(named, &old_roots, &mut components, &mut relationships, gaps.is_empty());
    relationships.retain(|relationship| relationship.from != relationship.to);
    if let Some(component) = root.and_then(|root| components.get(root)) {
        header.name.clone_from(&component.name);
    }
    let mut document = Document {
        header,
        components,
        root,
        distribution,
        relationships,
        layers,
        gaps: gaps.into_iter().collect(),
        gaps_not_listed,
    };
    document.normalise();
    Merged { document, contradictions }
}

/// A value of a fact that has several.
fn property(fact: &str, value: &str) -> Property {
    Property { name: format!("{PREFIX}{fact}"), value: value.to_owned() }
}

/// A document has one distribution: of several the first by name and version. The others become platforms.
fn settle_systems(
    components: &mut [Component],
    mut distributions: Vec<(Distribution, usize)>,
) -> Option<Distribution> {
    let order = |of: &Distribution| {
        (
            of.id.clone(),
            of.version_id.clone(),
            of.codename.clone(),
            of.pretty_name.clone(),
            of.id_like.clone(),
            of.component,
        )
    };
    distributions.sort_by_cached_key(|(distribution, _)| order(distribution));
    let mut distributions = distributions.into_iter();
    let (chosen, system) = distributions.next()?;
    for (index, component) in components.iter_mut().enumerate() {
        match component.kind {
            _ if index == system => component.kind = ComponentKind::OperatingSystem,
            ComponentKind::OperatingSystem => component.kind = ComponentKind::Platform,
            _ => {}
        }
    }
    for (other, class) in distributions.filter(|&(_, class)| class != system) {
        let Some(component) = components.get_mut(class) else { continue };
        let values = [
            ("id", Some(other.id)),
            ("idLike", Some(other.id_like.join(" ")).filter(|like| !like.is_empty())),
            ("versionId", other.version_id),
            ("codename", other.codename),
            ("prettyName", other.pretty_name),
        ];
        component.properties.extend(values.into_iter().filter_map(|(name, value)| {
            Some(Property { name: format!("sbomctl:distribution:{name}"), value: value? })
        }));
    }
    Some(chosen)
}

/// The header of the result. Who made and supplies a subject is said of that subject from now on, as there may be
/// several.
fn header(documents: &mut [Document]) -> Header {
    let mut header = Header { origin: Origin::Content, ..Header::default() };
    let mut comments = BTreeSet::new();
    let mut properties = BTreeSet::new();
    for document in documents {
        let from = std::mem::take(&mut document.header);
        header.timestamp = header.timestamp.max(from.timestamp);
        header.tools.extend(from.tools);
        header.authors.extend(from.authors);
        header.lifecycles.extend(from.lifecycles);
        comments.extend(from.comment);
        properties.extend(from.properties);
        if let Some(root) = document.root.and_then(|root| document.components.get_mut(root)) {
            root.supplier = root.supplier.take().or(from.supplier.map(Into::into));
            root.originator = root.originator.take().or(from.manufacturer.map(Into::into));
        }
    }
    let kept = |property: &Property| property.name == format!("{PREFIX}comment");
    let several = comments.len() > 1 || (!comments.is_empty() && properties.iter().any(kept));
    if several {
        properties.extend(comments.iter().map(|comment| property("comment", comment)));
    } else {
        header.comment = comments.into_iter().next();
    }
    header.properties = properties.into_iter().collect();
    header
}
