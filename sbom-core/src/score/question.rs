//! The questions that several profiles ask, each answered once.

use super::{Answer, Demand, Subject, unknown::is_unknown};
use crate::{
    document::{
        Timestamp,
        model::{Component, ComponentKind, HashAlgorithm, Licensing, Party},
    },
    purl::Purl,
};

/// What can be unknown of a component, by the names of CycloneDX's taxonomy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    Producer,
    Version,
    Identifiers,
    Hash,
    License,
}

impl Element {
    pub(super) const ALL: [Self; 5] =
        [Self::Producer, Self::Version, Self::Identifiers, Self::Hash, Self::License];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Producer => "component-producer",
            Self::Version => "component-version",
            Self::Identifiers => "component-identifiers",
            Self::Hash => "component-hash",
            Self::License => "component-license",
        }
    }
}

/// Whether the component has the element: as a value, or marked as not known.
pub(super) fn has(subject: &Subject<'_>, index: usize, component: &Component, element: Element) -> Answer {
    let demand = Demand::of(component.kind);
    let (asked, known) = match element {
        Element::Producer => (demand.producer, producer(component)),
        Element::Version => (demand.version, version(component)),
        Element::Identifiers => (true, identified(subject, index, component)),
        Element::Hash => (demand.hash, !component.hashes.is_empty()),
        Element::License => (demand.license, licensed(&component.declared) || licensed(&component.concluded)),
    };
    match (asked, known) {
        (false, _) => Answer::NotApplicable,
        (true, true) => Answer::Yes,
        (true, false) if subject.unknowns.marks(component, element) => Answer::Unknown,
        (true, false) => Answer::No,
    }
}

/// The same, for profiles that want to know it: what is marked as not known is missing all the same.
pub(super) fn known(subject: &Subject<'_>, index: usize, component: &Component, element: Element) -> Answer {
    match has(subject, index, component, element) {
        Answer::Unknown => Answer::No,
        answer => answer,
    }
}

/// Whether it has a name.
pub(super) fn named(_: &Subject<'_>, _: usize, component: &Component) -> Answer {
    let name = component.name.trim();
    Answer::of(!name.is_empty() && !is_unknown(name))
}

/// Whether it has a place among the others.
pub(super) fn placed(subject: &Subject<'_>, index: usize, _: &Component) -> Answer {
    Answer::of(subject.placed.get(index) == Some(&true))
}

/// Whether somebody answers for the document: a person or organization, not a program.
pub(super) fn author(subject: &Subject<'_>) -> Answer {
    Answer::of(subject.document.header.authors.iter().any(is_somebody))
}

/// Whether the document says when it was made. 1970 is what is written where that is not known.
pub(super) fn timestamp(subject: &Subject<'_>) -> Answer {
    Answer::of(subject.document.header.timestamp.is_some_and(|time| time != Timestamp::UNKNOWN))
}

/// Whether a digest is of an algorithm that nobody can make collide.
pub(super) fn is_strong(algorithm: HashAlgorithm) -> bool {
    !matches!(
        algorithm,
        HashAlgorithm::Adler32
            | HashAlgorithm::Md2
            | HashAlgorithm::Md4
            | HashAlgorithm::Md5
            | HashAlgorithm::Md6
            | HashAlgorithm::Sha1
    )
}

/// Whether a text says something about licences.
pub(super) fn licensed(licensing: &Licensing) -> bool {
    licensing.expression.as_deref().is_some_and(|expression| !is_unknown(expression))
}

/// Whether a party can be told from others.
pub(super) fn is_somebody(party: &Party) -> bool {
    let name = party.name.trim();
    !name.is_empty() && !is_unknown(name) || can_be_reached(party)
}

/// Whether a party can be written to, or looked up.
pub(super) fn can_be_reached(party: &Party) -> bool {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    given(&party.email) || given(&party.url)
}

/// Who supplies or makes the component.
pub(super) fn parties(component: &Component) -> impl Iterator<Item = &Party> {
    component.supplier.iter().chain(&component.originator).map(|party| &**party)
}

fn producer(component: &Component) -> bool {
    parties(component).any(is_somebody)
}

fn version(component: &Component) -> bool {
    component.version.as_deref().is_some_and(|version| !version.trim().is_empty() && !is_unknown(version))
}

/// Whether it can be looked up elsewhere: by package URL or CPE name; a file or image by its digest, the operating
/// system by the name and version that advisories know it under.
fn identified(subject: &Subject<'_>, index: usize, component: &Component) -> bool {
    let by_digest = matches!(component.kind, ComponentKind::File | ComponentKind::Container);
    let distribution = subject.document.distribution.as_ref();
    component.purl.as_deref().is_some_and(|purl| purl.parse::<Purl>().is_ok())
        || !component.cpes.is_empty()
        || by_digest && !component.hashes.is_empty()
        || distribution.is_some_and(|system| system.component == index && system.version_id.is_some())
}
