//! Two documents → what is different between them: packages, and what could not be read.
//!
//! Packages are matched by what stays the same over their versions: the type, namespace, name and subpath of the
//! package URL, and the repository it names; without a package URL by group and name. Of a package that is there in
//! several versions or for several architectures, equal ones are matched first, then compatible ones. Identifiers, order
//! and layers do not count, so that the same image gives no difference whatever format its documents have.

use std::collections::BTreeSet;

use crate::document::model::{Component, Document, Gap};

pub mod json;
pub mod markdown;
mod pairs;
mod state;
#[cfg(test)]
mod tests;
pub mod text;

pub use state::{Place, State};

/// What is different between two documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The earlier document.
    pub before: Side,
    /// The later document.
    pub after: Side,
    /// What changed, sorted by [`Origin`], then [`ChangeKind`], then ecosystem and name.
    pub changes: Vec<Change>,
    /// Packages that are the same in both.
    pub unchanged: usize,
    /// What could not be read in the later document alone.
    pub gaps_added: Vec<Gap>,
    /// What could not be read in the earlier document alone.
    pub gaps_removed: Vec<Gap>,
}

/// One of the documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// What it is about.
    pub name: String,
    /// The version of that; for an image its digest.
    pub version: Option<String>,
    /// The distribution, as it calls itself.
    pub distribution: Option<String>,
    /// How many components it lists, without what it is about.
    pub components: usize,
    /// How many things could not be read, listed or not.
    pub gaps: u64,
}

/// A package that is not the same in both documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened to it.
    pub kind: ChangeKind,
    /// The type of its package URL; without one `file`, `system` or `other`.
    pub ecosystem: String,
    /// Its name, with the namespace or group before it.
    pub name: String,
    /// What it was; none if it was added.
    pub before: Option<State>,
    /// What it is; none if it was removed.
    pub after: Option<State>,
    /// What is different, sorted; empty if it was added or removed.
    pub aspects: Vec<Aspect>,
    /// Which part of the image it is from.
    pub origin: Origin,
}

/// What happened to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its version is a later one.
    Upgraded,
    /// Its version is an earlier one.
    Downgraded,
    /// Something else about it is different, or its versions have no order.
    Changed,
}

impl ChangeKind {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Added, Self::Removed, Self::Upgraded, Self::Downgraded, Self::Changed];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
            Self::Changed => "changed",
        }
    }
}

/// What is different about a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Its version.
    Version,
    /// Its architecture.
    Architecture,
    /// Its licence.
    License,
    /// Who distributes it.
    Supplier,
    /// Its digest, though the version is the same.
    Hash,
    /// How many times it is there.
    Copies,
}

impl Aspect {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Architecture => "architecture",
            Self::License => "license",
            Self::Supplier => "supplier",
            Self::Hash => "hash",
            Self::Copies => "copies",
        }
    }
}

/// Which part of an image a package is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A layer above that of the operating system.
    Own,
    /// The layer that brought the operating system, or one below it.
    Base,
    /// The document does not say.
    Unknown,
}

impl Origin {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Own, Self::Base, Self::Unknown];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Base => "base",
            Self::Unknown => "unknown",
        }
    }
}

impl Diff {
    /// What is different between `before` and `after`.
    pub fn of(before: &Document, after: &Document) -> Self {
        let (mut changes, unchanged) = pairs::changes(before, after);
        changes.sort_by(|a, b| {
            let key = |change: &Change| (change.origin, change.kind);
            key(a).cmp(&key(b)).then_with(|| a.order().cmp(&b.order()))
        });
        let known: [BTreeSet<GapKey<'_>>; 2] =
            [before, after].map(|document| document.gaps.iter().map(gap_key).collect());
        let [known_before, known_after] = known;
        let missing = |document: &Document, known: &BTreeSet<GapKey<'_>>| {
            let gaps = document.gaps.iter().filter(|gap| !known.contains(&gap_key(gap)));
            gaps.cloned().collect::<Vec<_>>()
        };
        Self {
            before: side(before),
            after: side(after),
            changes,
            unchanged,
            gaps_added: missing(after, &known_before),
            gaps_removed: missing(before, &known_after),
        }
    }

    /// Whether the documents say the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.gaps_added.is_empty() && self.gaps_removed.is_empty()
    }

    /// How many packages something of a kind happened to.
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }

    /// The changes of one part of the image.
    pub fn from(&self, origin: Origin) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.origin == origin)
    }

    /// The counts in words, as in `2 added, 1 upgraded, 40 unchanged`; what did not happen is not named.
    pub fn summary(&self) -> String {
        let kinds = ChangeKind::ALL.map(|kind| (self.count(kind), kind.name()));
        let counts = kinds.into_iter().chain([(self.unchanged, "unchanged")]);
        let words: Vec<String> =
            counts.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        if words.is_empty() { "nothing is listed".to_owned() } else { words.join(", ") }
    }
}

impl Change {
    fn order(&self) -> (&str, &str, Option<&State>, Option<&State>) {
        (&self.ecosystem, &self.name, self.before.as_ref(), self.after.as_ref())
    }
}

impl Side {
    /// One line: name, version, distribution and the number of components.
    pub fn line(&self) -> String {
        let mut line = self.name.clone();
        for part in [self.version.as_deref(), self.distribution.as_deref()].into_iter().flatten() {
            line.push_str(", ");
            line.push_str(part);
        }
        let count = self.components;
        line + &format!(", {count} {}", if count == 1 { "component" } else { "components" })
    }
}

fn side(document: &Document) -> Side {
    let root = document.root();
    let distribution = document.distribution.as_ref().map(|system| {
        let version = system.version_id.as_deref().map(|version| format!(" {version}"));
        let plain = || format!("{}{}", system.id, version.unwrap_or_default());
        system.pretty_name.clone().unwrap_or_else(plain)
    });
    let name = root.map(|root| root.name.as_str()).filter(|name| !name.is_empty());
    Side {
        name: name.unwrap_or(&document.header.name).to_owned(),
        version: root.and_then(|root| root.version.clone()),
        distribution,
        components: pairs::components(document).count(),
        gaps: document.gap_count(),
    }
}

type GapKey<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

/// What makes a gap the same in another image: layers and offsets move.
fn gap_key(gap: &Gap) -> GapKey<'_> {
    (&gap.kind, &gap.message, gap.path.as_deref(), gap.detector.as_deref())
}

/// The layer that a component came in.
fn layer_of(component: &Component) -> Option<usize> {
    let evidence = || component.evidence.iter().filter_map(|evidence| evidence.layer).min();
    component.layers.map(|layers| layers.introduced).or_else(evidence)
}
