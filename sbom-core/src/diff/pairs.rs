//! Which package of one document is which of the other.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{Change, ChangeKind, Origin, State, layer_of};
use crate::{
    document::model::{Component, ComponentKind, Document},
    purl::Purl,
    version::{Scheme, compatible},
};

/// What stays the same over the versions of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    ecosystem: String,
    /// In the form in which the ecosystem compares names.
    name: String,
    subpath: String,
    repository: String,
}

/// A package in one version, and where its image has it from.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    state: State,
    origin: Origin,
}

/// By what entries are alike.
type Alike<'a> = dyn Fn(&Entry) -> (String, String) + 'a;

/// Both sides of what has one key.
#[derive(Default)]
struct Sides {
    before: Vec<Entry>,
    after: Vec<Entry>,
}

/// The components that are compared: all but the subject itself.
pub(super) fn components(document: &Document) -> impl Iterator<Item = &Component> {
    let others = document.components.iter().enumerate();
    others.filter(|(index, _)| Some(*index) != document.root).map(|(_, component)| component)
}

/// What changed, and how many packages did not.
pub(super) fn changes(before: &Document, after: &Document) -> (Vec<Change>, usize) {
    let mut by_key: BTreeMap<Key, Sides> = BTreeMap::new();
    collect(before, &mut by_key, |sides| &mut sides.before);
    collect(after, &mut by_key, |sides| &mut sides.after);
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for (key, sides) in by_key {
        let scheme = Scheme::of(Some(&key.ecosystem));
        for (before, after) in pairs(sides, scheme) {
            match change(&key.ecosystem, scheme, before, after) {
                Some(change) => changes.push(change),
                None => unchanged += 1,
            }
        }
    }
    (changes, unchanged)
}

fn collect(
    document: &Document,
    by_key: &mut BTreeMap<Key, Sides>,
    side: impl Fn(&mut Sides) -> &mut Vec<Entry>,
) {
    let system = document.distribution.as_ref().and_then(|system| document.components.get(system.component));
    let base = if document.layers.is_empty() { None } else { system.and_then(layer_of) };
    let mut entries: BTreeMap<(Key, Option<String>, Option<String>), Entry> = BTreeMap::new();
    for component in components(document) {
        let purl: Option<Purl> = component.purl.as_deref().and_then(|purl| purl.parse().ok());
        let state = State::of(document, component, purl.as_ref());
        let origin = match (&state.place, base) {
            (None, _) => Origin::Unknown,
            (Some(place), Some(base)) if place.index <= base => Origin::Base,
            (Some(_), _) => Origin::Own,
        };
        let (key, name) = key(component, purl.as_ref());
        let slot = (key, state.architecture.clone(), state.version.clone());
        match entries.get_mut(&slot) {
            None => drop(entries.insert(slot, Entry { name, state, origin })),
            Some(known) => {
                known.state.add(state);
                known.origin = known.origin.min(origin);
            }
        }
    }
    for ((key, _, _), mut entry) in entries {
        entry.state.settle(&key.ecosystem);
        side(by_key.entry(key).or_default()).push(entry);
    }
}

/// The key of a component, and its name for people.
fn key(component: &Component, purl: Option<&Purl>) -> (Key, String) {
    if let Some(purl) = purl {
        let namespace = purl.namespace_segments().join("/");
        let name = match namespace.as_str() {
            "" => purl.name().to_owned(),
            // Of the packages of a distribution people know the plain name.
            _ if component.is_os_package() => purl.name().to_owned(),
            namespace => format!("{namespace}/{}", purl.name()),
        };
        let full = format!("{namespace}/{}", purl.name());
        let subpath = purl.subpath_segments().join("/");
        let folded = match purl.kind() {
            "golang" if subpath.is_empty() => full.to_lowercase(),
            // Where a module begins in its repository, tools disagree on.
            "golang" => format!("{full}/{subpath}").to_lowercase(),
            "github" | "bitbucket" | "composer" => full.to_lowercase(),
            "pypi" => full.to_lowercase().replace(['_', '.'], "-"),
            _ => full,
        };
        let shown = if subpath.is_empty() { name } else { format!("{name}#{subpath}") };
        let key = Key {
            ecosystem: purl.kind().to_owned(),
            name: folded,
            subpath: if purl.kind() == "golang" { String::new() } else { subpath },
            repository: purl.get_qualifier("repository_url").unwrap_or_default().to_owned(),
        };
        return (key, shown);
    }
    let ecosystem = match component.kind {
        ComponentKind::File => "file",
        ComponentKind::OperatingSystem | ComponentKind::Platform => "system",
        // Formats differ in which kinds they have.
        _ => "other",
    };
    let name = match component.group.as_deref() {
        Some(group) if !group.is_empty() => format!("{group}/{}", component.name),
        _ => component.name.clone(),
    };
    let key = Key {
        ecosystem: ecosystem.to_owned(),
        name: name.clone(),
        subpath: String::new(),
        // A package URL that cannot be read still tells packages apart.
        repository: component.purl.clone().unwrap_or_default(),
    };
    (key, name)
}

/// Pairs what is alike: first what is equal in version and architecture, then in either; then what is compatible; then
/// what is left, from the latest version down.
fn pairs(mut sides: Sides, scheme: Scheme) -> Vec<(Option<Entry>, Option<Entry>)> {
    let version = |entry: &Entry| entry.state.version.clone().unwrap_or_default();
    let architecture = |entry: &Entry| entry.state.architecture.clone().unwrap_or_default();
    let none = String::new;
    let mut pairs = Vec::new();
    let rounds: [&Alike; 5] = [
        &|entry| (version(entry), architecture(entry)),
        &|entry| (version(entry), none()),
        &|entry| (compatible(&version(entry)).to_owned(), architecture(entry)),
        &|entry| (none(), architecture(entry)),
        &|_| (none(), none()),
    ];
    for alike in rounds {
        if sides.before.is_empty() || sides.after.is_empty() {
            break;
        }
        let mut groups: BTreeMap<(String, String), Sides> = BTreeMap::new();
        for entry in sides.before.drain(..) {
            groups.entry(alike(&entry)).or_default().before.push(entry);
        }
        for entry in sides.after.drain(..) {
            groups.entry(alike(&entry)).or_default().after.push(entry);
        }
        for mut group in groups.into_values() {
            let ascending = |a: &Entry, b: &Entry| {
                scheme.order(&version(a), &version(b)).then_with(|| architecture(a).cmp(&architecture(b)))
            };
            group.before.sort_by(ascending);
            group.after.sort_by(ascending);
            while !group.before.is_empty() && !group.after.is_empty() {
                pairs.push((group.before.pop(), group.after.pop()));
            }
            sides.before.append(&mut group.before);
            sides.after.append(&mut group.after);
        }
    }
    pairs.extend(sides.before.into_iter().map(|entry| (Some(entry), None)));
    pairs.extend(sides.after.into_iter().map(|entry| (None, Some(entry))));
    pairs
}

/// What happened between two states; none if nothing did.
fn change(ecosystem: &str, scheme: Scheme, before: Option<Entry>, after: Option<Entry>) -> Option<Change> {
    let (kind, aspects) = match (&before, &after) {
        (None, _) => (ChangeKind::Added, Vec::new()),
        (_, None) => (ChangeKind::Removed, Vec::new()),
        (Some(before), Some(after)) => {
            let aspects = before.state.differs(&after.state);
            if aspects.is_empty() {
                return None;
            }
            let versions = before.state.version.as_deref().zip(after.state.version.as_deref());
            let kind = match versions.and_then(|(before, after)| scheme.compare(before, after)) {
                Some(Ordering::Less) => ChangeKind::Upgraded,
                Some(Ordering::Greater) => ChangeKind::Downgraded,
                _ => ChangeKind::Changed,
            };
            (kind, aspects)
        }
    };
    let shown = after.as_ref().or(before.as_ref())?;
    let (name, origin) = (shown.name.clone(), shown.origin);
    Some(Change {
        kind,
        ecosystem: ecosystem.to_owned(),
        name,
        before: before.map(|entry| entry.state),
        after: after.map(|entry| entry.state),
        aspects,
        origin,
    })
}
