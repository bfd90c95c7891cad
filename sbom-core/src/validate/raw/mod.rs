//! What the text of a document states, before a reader has put it in order: two components of one identifier,
//! references that lead nowhere, package URLs as they were written.
//!
//! Every format is flattened into the same [`Fact`]s, so that a rule is written once. The formats are walked by
//! names, not by places: a package URL is one wherever it stands.

use std::borrow::Cow;

mod cyclonedx;
mod cyclonedx_xml;
mod spdx2;
mod spdx3;
mod tag_value;

pub(super) use cyclonedx::walk as cyclonedx_json;
pub(super) use cyclonedx_xml::walk as cyclonedx_xml;
pub(super) use spdx2::walk as spdx2_json;
pub(super) use spdx3::walk as spdx3_json;
pub(super) use tag_value::walk as spdx2_tag_value;

/// A document as its text states it.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    /// What the facts are about; the first is the document itself.
    pub(super) items: Vec<Item<'a>>,
    /// The facts, in the order of the text.
    pub(super) facts: Vec<Fact<'a>>,
}

/// A thing that a document speaks of: itself, a component, a file, a relationship.
#[derive(Debug, Default)]
pub(super) struct Item<'a> {
    /// Where it stands, in the document's own terms: `components[3]`, `line 17`; empty for the document.
    pub(super) place: String,
    /// Its identifier, if it is a package of SPDX 2.
    pub(super) id: Option<Cow<'a, str>>,
    /// Its name, if it is a component.
    pub(super) name: Option<Cow<'a, str>>,
    /// A namespace that stands beside the name.
    pub(super) group: Option<Cow<'a, str>>,
    /// Its version.
    pub(super) version: Option<Cow<'a, str>>,
}

/// Something that an item states.
#[derive(Debug)]
pub(super) struct Fact<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Which of [`Raw::items`] states it.
    pub(super) item: usize,
    /// The field of the item: `purl`, `hashes`.
    pub(super) field: &'static str,
    /// The text.
    pub(super) text: Cow<'a, str>,
    /// What belongs to it: of a digest the algorithm.
    pub(super) beside: Option<Cow<'a, str>>,
}

/// Kinds of fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier is given to the item.
    Id,
    /// Something is referred to by its identifier.
    Use,
    /// The item is outside of the document, and may be referred to.
    Foreign,
    /// The item has an entry of its own in the graph.
    Node,
    /// The document is about this.
    Describes,
    /// A package URL.
    Purl,
    /// A CPE name.
    Cpe,
    /// A mail address.
    Mail,
    /// A point in time.
    Timestamp,
    /// The name of a file.
    FileName,
    /// A file has no SHA-1 digest.
    FileWithoutSha1,
    /// CycloneDX's serial number.
    Serial,
    /// SPDX's namespace.
    Namespace,
    /// The licence of the data.
    DataLicense,
    /// A digest in hex; beside it the algorithm.
    Hash,
    /// One licence, as an identifier of the SPDX list.
    LicenseId,
    /// A licence expression.
    Expression,
    /// A `LicenseRef-…` that is defined here; the text is the identifier, beside it the licence's text.
    License,
    /// More entries than one in a list of licences, one of them an expression.
    MixedLicenses,
    /// Who made the document or a package, in SPDX's form of it.
    Actor,
    /// A component within another.
    Nested,
    /// Evidence of identity as an array.
    IdentityArray,
}

impl<'a> Raw<'a> {
    /// A document of which nothing is known yet.
    fn new() -> Self {
        Self { items: vec![Item::default()], facts: Vec::new() }
    }

    /// Adds an item.
    fn item(&mut self, place: &str) -> usize {
        self.items.push(Item { place: place.to_owned(), ..Item::default() });
        self.items.len().saturating_sub(1)
    }

    /// Adds a fact.
    fn add(&mut self, kind: Kind, item: usize, field: &'static str, text: impl Into<Cow<'a, str>>) {
        self.facts.push(Fact { kind, item, field, text: text.into(), beside: None });
    }

    /// Adds a fact with something beside it.
    fn add_with(
        &mut self,
        kind: Kind,
        item: usize,
        field: &'static str,
        text: impl Into<Cow<'a, str>>,
        beside: impl Into<Cow<'a, str>>,
    ) {
        self.facts.push(Fact { kind, item, field, text: text.into(), beside: Some(beside.into()) });
    }

    /// The facts of one kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Fact<'a>> {
        self.facts.iter().filter(move |fact| fact.kind == kind)
    }

    /// Where a fact stands: `components[3].purl`.
    pub(super) fn place(&self, fact: &Fact<'_>) -> String {
        match self.items.get(fact.item).map_or("", |item| item.place.as_str()) {
            "" => fact.field.to_owned(),
            place if place.starts_with("line ") => format!("{place}, {}", fact.field),
            place => format!("{place}.{}", fact.field),
        }
    }
}

/// The path to a value while a document is walked: grows and shrinks, never copied but for an item's place.
#[derive(Debug, Default)]
struct Path(String);

impl Path {
    /// Does `walk` one step further.
    fn at<T>(&mut self, key: &str, walk: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        if length > 0 {
            self.0.push('.');
        }
        self.0.push_str(key);
        let result = walk(self);
        self.0.truncate(length);
        result
    }

    /// Does `walk` at the `index`th element.
    fn index<T>(&mut self, index: usize, walk: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        self.0.extend(["[", &index.to_string(), "]"]);
        let result = walk(self);
        self.0.truncate(length);
        result
    }
}

/// What stands where a fact would stand and says that there is none.
fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "NOASSERTION" | "NONE")
}

/// Takes the last item back if no fact was added since there were `facts` of them.
fn forget(raw: &mut Raw<'_>, item: usize, facts: usize) {
    if item > 0 && raw.facts.iter().skip(facts).all(|fact| fact.item != item) {
        raw.items.truncate(item);
    }
}
