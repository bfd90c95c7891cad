//! What a document says, whatever its format: the one model that every writer writes and every reader reads into.
//!
//! It holds what is known, in the words of the field. How a fact without a field of its own travels (as a property
//! of CycloneDX, as an annotation of SPDX) is decided by `facts`, in both directions, and is no
//! matter of the model.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::image_path::escape_control;
use crate::timestamp::Timestamp;
pub use crate::{
    bom::{Ancestor, Attribution, Party, PartyKind, SourcePackage, Usage},
    license::{CustomLicense, Licensing},
    oci::LayerDescriptor,
};

mod normal;
mod vocabulary;

pub use vocabulary::{
    ComponentKind, HashAlgorithm, LifecyclePhase, ReferenceKind, RelationshipKind, Technique,
};

/// A bill of materials as a document states it.
///
/// [`Document::normalise`] brings it into the one order in which equal content is equal; readers and
/// [`Document::of`](Document::of) hand it out so, and writers rely on it: components are sorted by
/// [`Component::id`], which no two share, relationships are sorted and without repetition, and every index is
/// within bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Who made the document, when, and about what.
    pub header: Header,
    /// All components: the subject, its operating system, packages, files.
    pub components: Vec<Component>,
    /// Which of `components` the document is about; none if a foreign document does not say.
    pub root: Option<usize>,
    /// The distribution of the subject, if it is known.
    pub distribution: Option<Distribution>,
    /// What components have to do with each other.
    pub relationships: Vec<Relationship>,
    /// The layers of the image that the document is about, lowest first.
    pub layers: Vec<LayerDescriptor>,
    /// What could not be read, sorted.
    pub gaps: Vec<Gap>,
    /// Gaps beyond those listed.
    pub gaps_not_listed: u64,
}

/// Who made a document, when, and about what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// What the document is called; for a scan, the subject's name.
    pub name: String,
    /// What pins down the content, so that the identifiers made for it are the same in every run.
    pub origin: Origin,
    /// The identifier of the document that was read: serial number, namespace or IRI. None for a scan.
    pub identity: Option<String>,
    /// When the document that was read counts as made. None for a scan: that time is an argument of the writer.
    pub timestamp: Option<Timestamp>,
    /// What made the documents that were read. None for a scan: that tool is an argument of the writer.
    pub tools: Vec<Tool>,
    /// Who answers for the document.
    pub authors: Vec<Party>,
    /// Who made the subject, as the document's own header says.
    pub manufacturer: Option<Party>,
    /// Who supplies the subject, as the document's own header says.
    pub supplier: Option<Party>,
    /// At which points of the subject's life the content was gathered.
    pub lifecycles: Vec<LifecyclePhase>,
    /// Remarks of the document that was read.
    pub comment: Option<String>,
    /// Further facts about the whole document, sorted.
    pub properties: Vec<Property>,
}

/// What pins down the content of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// A text, such as a digest, that differs whenever what was read differs.
    Fixed(String),
    /// Nothing but the content itself.
    #[default]
    Content,
}

/// A program that makes documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tool {
    /// Its name; ours is without hyphens, since SPDX separates name and version by one.
    pub name: String,
    /// Its version; empty if it is not known.
    pub version: String,
}

/// The distribution that a subject is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    /// Index of the component that stands for it.
    pub component: usize,
    /// `ID` of os-release.
    pub id: String,
    /// `ID_LIKE`, in its order.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; what the `distro` qualifier of package URLs carries.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
}

/// One piece of software, or a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Component {
    /// Unique in the document: CycloneDX's `bom-ref`.
    pub id: String,
    /// What it is.
    pub kind: ComponentKind,
    /// Its name, in its original case; of a file its path, absolute within the image.
    pub name: String,
    /// A namespace beside the name, where a foreign document keeps one apart.
    pub group: Option<String>,
    /// Its version; none if unknown.
    pub version: Option<String>,
    /// Its package URL, in the canonical form if it can be parsed.
    pub purl: Option<String>,
    /// CPE names, the most telling first.
    pub cpes: Vec<String>,
    /// What it is for, in a line.
    pub description: Option<String>,
    /// Statements of copyright.
    pub copyright: Option<String>,
    /// What it declares about its licence.
    pub declared: Licensing,
    /// What its licence is by someone's reading of it.
    pub concluded: Licensing,
    /// Who distributes it.
    pub supplier: Option<Arc<Party>>,
    /// Who made or maintains it.
    pub originator: Option<Arc<Party>>,
    /// The source package it was built from.
    pub source: Option<Box<SourcePackage>>,
    /// What it was derived from.
    pub ancestors: Vec<Ancestor>,
    /// Links.
    pub references: Vec<Reference>,
    /// Digests of the artifact that it is; never of something else.
    pub hashes: Vec<Hash>,
    /// The SPDX package verification code, SHA-1 in hex: its files were looked into, and are listed.
    pub verification_code: Option<String>,
    /// Whether it is there at run time.
    pub usage: Usage,
    /// How much is known of what it needs and contains.
    pub completeness: Completeness,
    /// Further facts, sorted; names of ours begin with `sbomctl:`.
    pub properties: Vec<Property>,
    /// Where and how it was found.
    pub evidence: Vec<Evidence>,
    /// In which layers it came, changed and went.
    pub layers: Option<Attribution>,
}

/// A fact by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Property {
    /// Its name; colons separate namespaces.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A link, by what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// What it leads to.
    pub kind: ReferenceKind,
    /// The address.
    pub url: String,
    /// A remark on it.
    pub comment: Option<String>,
    /// Digests of what lies there.
    pub hashes: Vec<Hash>,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    /// How it was computed.
    pub algorithm: HashAlgorithm,
    /// Lower-case hex.
    pub hex: String,
}

/// Where and how a component was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// The file, absolute within the image; empty if only the technique is known.
    pub location: String,
    /// The layer: an index into [`Document::layers`].
    pub layer: Option<usize>,
    /// How, if that is known.
    pub technique: Option<Technique>,
    /// How sure, in hundredths; 100 for what a database or build information states.
    pub confidence: Option<u8>,
    /// What exactly was seen, where that is not the whole file.
    pub detail: Option<String>,
}

/// How much is known of what a component needs and contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Completeness {
    /// All of it.
    Complete,
    /// Not all of it.
    Incomplete,
    /// Nobody says whether it is all.
    #[default]
    Unknown,
}

/// Something that one component has to do with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relationship {
    /// Index of the component it leaves.
    pub from: usize,
    /// Index of the component it reaches.
    pub to: usize,
    /// What it says.
    pub kind: RelationshipKind,
}

/// What could not be read. In documents, a record of JSON with these names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The kind, in kebab case, as [`GapKind::code`](crate::bom::GapKind::code) has it.
    pub kind: String,
    /// What is missing, and why.
    pub message: String,
    /// The layer: an index into [`Document::layers`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The digest of that layer, uncompressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The byte in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What was reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
}

impl fmt::Display for Gap {
    /// Where and what, safe for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer {
            write!(f, "layer {layer}, ")?;
        }
        match (self.path.as_deref().map(escape_control), self.offset) {
            (Some(path), Some(offset)) => write!(f, "{path} at byte {offset}: ")?,
            (Some(path), None) => write!(f, "{path}: ")?,
            (None, _) => {}
        }
        f.write_str(&escape_control(&self.message))
    }
}

impl Component {
    /// The type of its package URL: `deb`, `golang`, `cargo`. Package URLs of other forms have none.
    pub fn purl_type(&self) -> Option<&str> {
        let rest = self.purl.as_deref()?.strip_prefix("pkg:")?;
        rest.split_once('/').map(|(kind, _)| kind)
    }

    /// Whether it is a package of an operating system.
    pub fn is_os_package(&self) -> bool {
        const BEGINNINGS: [&str; 4] = ["deb/", "apk/", "rpm/", "alpm/"];
        let rest = self.purl.as_deref().and_then(|purl| purl.strip_prefix("pkg:"));
        rest.is_some_and(|rest| BEGINNINGS.iter().any(|beginning| rest.starts_with(beginning)))
    }

    /// The value of the first property called `name`.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|property| property.name == name).map(|property| property.value.as_str())
    }
}

impl Document {
    /// The component that the document is about.
    pub fn root(&self) -> Option<&Component> {
        self.components.get(self.root?)
    }

    /// The relationships that leave the component at `from`.
    pub fn outgoing(&self, from: usize) -> &[Relationship] {
        let start = self.relationships.partition_point(|relationship| relationship.from < from);
        let rest = self.relationships.get(start..).unwrap_or_default();
        // Most have few.
        let count = rest.iter().take_while(|relationship| relationship.from == from).count();
        rest.get(..count).unwrap_or_default()
    }

    /// Whether anything could not be read.
    pub fn has_gaps(&self) -> bool {
        self.gap_count() > 0
    }

    /// Why there may be more in the subject than the document has, because not all of it was read: a bound was hit, or
    /// something could not be read or is of a kind that is not read. What was read and makes no sense is not among it.
    pub fn unread(&self) -> Option<String> {
        const KINDS: [&str; 4] = ["limit", "unreadable", "unresolved", "unsupported"];
        let first = self.gaps.iter().find(|gap| KINDS.contains(&gap.kind.as_str()));
        match first {
            Some(gap) => {
                let path = gap.path.as_deref().map(|path| format!("{path}: ")).unwrap_or_default();
                Some(format!("{path}{}", gap.message))
            }
            None if self.gaps_not_listed > 0 => {
                Some(format!("{} gaps are not listed one by one", self.gaps_not_listed))
            }
            None => None,
        }
    }

    /// The number of gaps, listed or not.
    pub fn gap_count(&self) -> u64 {
        self.gaps_not_listed.saturating_add(self.gaps.len() as u64)
    }
}
