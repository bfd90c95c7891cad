//! Which components of several documents are the same, and what each is called in the result.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    digest::Digest,
    document::model::{Component, ComponentKind, Document, Hash, HashAlgorithm},
};

/// What comes before the hash by which components are told apart whose identifiers would be the same.
const SUFFIX: &str = "|merge-";
/// Digits of that hash.
const DIGITS: usize = 12;

/// Components by what makes them the same.
pub(super) struct Classes {
    /// By document and place in it.
    of: Vec<Vec<usize>>,
    ids: Vec<String>,
    splits: BTreeMap<usize, Claims>,
}

/// Values and the documents that state them.
pub(super) type Claims = BTreeMap<String, Vec<usize>>;

impl Classes {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// The class of a component.
    pub(super) fn of(&self, document: usize, index: usize) -> Option<usize> {
        self.of.get(document)?.get(index).copied()
    }

    /// The identifier of the component that a class becomes.
    pub(super) fn id(&self, class: usize) -> &str {
        self.ids.get(class).map_or("", String::as_str)
    }

    /// The digests by which documents tell this class from others with its package URL, if they contradict each
    /// other.
    pub(super) fn split(&self, class: usize) -> Option<&Claims> {
        self.splits.get(&class)
    }
}

/// What makes components the same.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Purl(&'a str),
    Facts {
        kind: ComponentKind,
        group: Option<&'a str>,
        name: &'a str,
        version: Option<&'a str>,
        hashes: &'a [Hash],
        /// Where it was found, if there are no digests: two libraries without a public identity are the same only
        /// if they lie in the same file.
        places: Vec<&'a str>,
    },
}

/// A component by document and place in it.
type Member = (usize, usize);

/// Components of one class, and the digests by which it was told from others of its key.
struct Class {
    members: Vec<Member>,
    path: Vec<String>,
}

/// Sorts the components of all documents into classes.
pub(super) fn classes(documents: &[Document]) -> Classes {
    let mut by_key: BTreeMap<Key<'_>, Vec<Member>> = BTreeMap::new();
    for (place, document) in documents.iter().enumerate() {
        for (index, component) in document.components.iter().enumerate() {
            by_key.entry(key(component)).or_default().push((place, index));
        }
    }
    let component = |&(document, index): &Member| documents.get(document)?.components.get(index);
    let mut classes: Vec<(String, Class)> = Vec::new();
    let mut splits = BTreeMap::new();
    for (key, members) in by_key {
        let claims = contradiction(&members, &component);
        let mut parts = Vec::new();
        split(members, Vec::new(), &component, &mut parts);
        for part in parts {
            if let Some(claims) = &claims {
                splits.insert(classes.len(), claims.clone());
            }
            classes.push((format!("{key:?}"), part));
        }
    }
    let bases: Vec<&str> =
        classes.iter().map(|(_, class)| base(class.members.iter().filter_map(component))).collect();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for base in &bases {
        *uses.entry(base).or_default() += 1;
    }
    let id = |(base, (key, class)): (&&str, &(String, Class))| {
        if uses.get(base) == Some(&1) {
            return (*base).to_owned();
        }
        let content = format!("{key}\0{}", class.path.join("\0"));
        let hash: String = Digest::of(content.as_bytes()).hex().chars().take(DIGITS).collect();
        format!("{base}{SUFFIX}{hash}")
    };
    let ids = bases.iter().zip(&classes).map(id).collect();
    let mut of: Vec<Vec<usize>> =
        documents.iter().map(|document| vec![0; document.components.len()]).collect();
    for (number, (_, class)) in classes.iter().enumerate() {
        for &(document, index) in &class.members {
            if let Some(slot) = of.get_mut(document).and_then(|of| of.get_mut(index)) {
                *slot = number;
            }
        }
    }
    Classes { of, ids, splits }
}

fn key(component: &Component) -> Key<'_> {
    if let Some(purl) = &component.purl {
        return Key::Purl(purl);
    }
    let is_system = matches!(component.kind, ComponentKind::OperatingSystem | ComponentKind::Platform);
    let mut places = Vec::new();
    if component.hashes.is_empty() && !is_system {
        places = component.evidence.iter().map(|evidence| evidence.location.as_str()).collect();
        places.sort_unstable();
        places.dedup();
    }
    Key::Facts {
        // Which of several systems is the one of the document is decided anew.
        kind: if is_system { ComponentKind::Platform } else { component.kind },
        group: component.group.as_deref(),
        name: &component.name,
        version: component.version.as_deref(),
        hashes: &component.hashes,
        places,
    }
}

/// Parts whose members do not contradict each other: by the strongest algorithm of which there are several digests,
/// and by the next within each part. Those that state none of that algorithm are a part of their own.
fn split<'a>(
    members: Vec<Member>,
    path: Vec<String>,
    component: &impl Fn(&Member) -> Option<&'a Component>,
    parts: &mut Vec<Class>,
) {
    let Some(algorithm) = contradicted(&members, component) else {
        parts.push(Class { members, path });
        return;
    };
    let mut by_value: BTreeMap<Vec<&str>, Vec<Member>> = BTreeMap::new();
    for member in members {
        let values = component(&member).map(|component| digests(component, algorithm)).unwrap_or_default();
        by_value.entry(values).or_default().push(member);
    }
    for (values, members) in by_value {
        let mut path = path.clone();
        path.push(format!("{}:{}", algorithm.name(), values.join(",")));
        split(members, path, component, parts);
    }
}

/// The strongest algorithm of which members state different digests.
fn contradicted<'a>(
    members: &[Member],
    component: &impl Fn(&Member) -> Option<&'a Component>,
) -> Option<HashAlgorithm> {
    let mut first: BTreeMap<HashAlgorithm, Vec<&str>> = BTreeMap::new();
    let mut contradicted = None;
    for component in members.iter().filter_map(component) {
        let algorithms: BTreeSet<HashAlgorithm> =
            component.hashes.iter().map(|hash| hash.algorithm).collect();
        for algorithm in algorithms {
            let values = digests(component, algorithm);
            let known = first.entry(algorithm).or_insert_with(|| values.clone());
            if *known != values {
                contradicted = contradicted.max(Some(algorithm));
            }
        }
    }
    contradicted
}

/// Which documents state which digest, if each states one and they differ. A document that itself tells several
/// components apart by their digests contradicts nobody.
fn contradiction<'a>(
    members: &[Member],
    component: &impl Fn(&Member) -> Option<&'a Component>,
) -> Option<Claims> {
    let algorithm = contradicted(members, component)?;
    let mut claims: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut said: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for member in members {
        let values = digests(component(member)?, algorithm);
        if values.is_empty() {
            continue;
        }
        let text: Vec<String> = values.iter().map(|value| format!("{}:{value}", algorithm.name())).collect();
        if *said.entry(member.0).or_insert_with(|| values.clone()) != values {
            return None;
        }
        claims.entry(text.join(" ")).or_default().insert(member.0);
    }
    Some(claims.into_iter().map(|(text, documents)| (text, documents.into_iter().collect())).collect())
}

fn digests(component: &Component, algorithm: HashAlgorithm) -> Vec<&str> {
    let of = component.hashes.iter().filter(|hash| hash.algorithm == algorithm);
    of.map(|hash| hash.hex.as_str()).collect()
}

/// The identifier that a class has if no other wants it: the package URL if one of the members has that for an
/// identifier, else the first. What an earlier merge added does not count.
fn base<'a>(members: impl Iterator<Item = &'a Component>) -> &'a str {
    let bases = members.map(|component| {
        let id = without_suffix(&component.id);
        (component.purl.as_deref() != Some(id), id)
    });
    bases.min().map_or("", |(_, id)| id)
}

fn without_suffix(id: &str) -> &str {
    let stripped = id.rsplit_once(SUFFIX).filter(|(base, hash)| {
        !base.is_empty() && hash.len() == DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    stripped.map_or(id, |(base, _)| base)
}
