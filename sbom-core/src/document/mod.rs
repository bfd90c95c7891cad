//! A bill → a document → its bytes, and back.
//!
//! A [`Document`] is what every format is written from and read into: the same components, relationships and gaps. What
//! a format has no field for is written as a property (CycloneDX) or annotation (SPDX), under the names that `facts`
//! gives it. Time and identifiers are arguments, so the same bill and [`Inputs`] give the same bytes.

use std::{
    fmt,
    io::{self, Write},
    num::NonZeroUsize,
    str::FromStr,
};

pub mod cyclonedx;
mod edges;
mod facts;
mod graph;
mod identity;
mod json;
pub mod list;
pub mod model;
mod of_bom;
pub mod read;
pub mod spdx;
pub mod stated;
pub(crate) mod syntax;
pub mod table;
pub mod template;
#[cfg(test)]
mod tests;

pub use crate::timestamp::{self, Timestamp};
pub use cyclonedx::CycloneDxVersion;
pub use list::github::Snapshot;
pub use model::{Document, Tool};
pub use spdx::{Spdx2Version, SpdxVersion};

/// A format that a bill can be written in, named as Syft names it: `FORMAT` or `FORMAT@VERSION`.
///
/// ```
/// use sbom_core::document::{CycloneDxVersion, Format};
/// let format: Format = "cyclonedx-json".parse()?;
/// assert_eq!(format, Format::CycloneDxJson(CycloneDxVersion::V1_6));
/// assert_eq!(format.to_string(), "cyclonedx-json@1.6");
/// assert!("cyclonedx-json@0.9".parse::<Format>().is_err());
/// # Ok::<(), sbom_core::document::FormatError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A table for people.
    Table,
    /// CycloneDX as JSON.
    CycloneDxJson(CycloneDxVersion),
    /// CycloneDX as XML.
    CycloneDxXml(CycloneDxVersion),
    /// SPDX as JSON.
    SpdxJson(SpdxVersion),
    /// SPDX as tag-value.
    SpdxTagValue(Spdx2Version),
    /// A snapshot for GitHub's dependency submission API.
    Github,
    /// Package URLs, one a line.
    Purls,
    /// Comma-separated values.
    Csv,
    /// A table in Markdown.
    Markdown,
}

/// What a document says beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// When the document counts as made.
    pub timestamp: Timestamp,
    /// What made it.
    pub tool: Tool,
    /// A text that differs whenever options that decide the content differ; part of the document's identity.
    pub options_fingerprint: String,
    /// Columns of the terminal that a table is for; with none, nothing is cut.
    pub columns: Option<usize>,
    /// What a snapshot for GitHub is for.
    pub snapshot: Snapshot,
    /// Threads that may write it; the text is the same for any number.
    pub jobs: NonZeroUsize,
}

impl Default for Inputs {
    /// No time, this library, no options.
    fn default() -> Self {
        let tool = Tool { name: "sbom_core".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        Self {
            timestamp: Timestamp::UNKNOWN,
            tool,
            options_fingerprint: String::new(),
            columns: None,
            snapshot: Snapshot::default(),
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// Writes `document`, which must be [normalised](Document::normalise), as `format`. The only errors are those of
/// `out`.
pub fn write(document: &Document, format: Format, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(document, inputs.columns, out),
        Format::CycloneDxJson(version) => cyclonedx::write_json(document, version, inputs, out),
        Format::CycloneDxXml(version) => cyclonedx::write_xml(document, version, inputs, out),
        Format::SpdxJson(version) => spdx::write(document, version, inputs, out),
        Format::SpdxTagValue(version) => spdx::write_tag_value(document, version, inputs, out),
        Format::Github => list::github::write(document, inputs, out),
        Format::Purls => list::purls::write(document, out),
        Format::Csv => list::csv::write(document, out),
        Format::Markdown => list::markdown::write(document, out),
    }
}

/// A text does not name a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// There is no format of this name.
    #[error("{name:?} is not a format; the formats are {known}")]
    Name {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The format has no such version.
    #[error("{format} has no version {version:?} here; {}", if .known.is_empty() {
        "it has no versions".to_owned()
    } else {
        format!("the versions are {}", .known)
    })]
    Version {
        /// The format.
        format: &'static str,
        /// What was asked for.
        version: String,
        /// The versions there are.
        known: String,
    },
}

impl Format {
    /// Every format in every version; of each format, the version that its bare name stands for comes first.
    pub const ALL: &[Self] = &[
        Self::Table,
        Self::CycloneDxJson(CycloneDxVersion::V1_6),
        Self::CycloneDxJson(CycloneDxVersion::V1_4),
        Self::CycloneDxJson(CycloneDxVersion::V1_5),
        Self::CycloneDxJson(CycloneDxVersion::V1_7),
        Self::CycloneDxXml(CycloneDxVersion::V1_6),
        Self::CycloneDxXml(CycloneDxVersion::V1_4),
        Self::CycloneDxXml(CycloneDxVersion::V1_5),
        Self::CycloneDxXml(CycloneDxVersion::V1_7),
        Self::SpdxJson(SpdxVersion::V2_3),
        Self::SpdxJson(SpdxVersion::V2_2),
        Self::SpdxJson(SpdxVersion::V3_0),
        Self::SpdxTagValue(Spdx2Version::V2_3),
        Self::SpdxTagValue(Spdx2Version::V2_2),
        Self::Github,
        Self::Purls,
        Self::Csv,
        Self::Markdown,
    ];

    /// The name without the version.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::CycloneDxJson(_) => "cyclonedx-json",
            Self::CycloneDxXml(_) => "cyclonedx-xml",
            Self::SpdxJson(_) => "spdx-json",
            Self::SpdxTagValue(_) => "spdx-tag-value",
            Self::Github => "github",
            Self::Purls => "purls",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
        }
    }

    /// The version of the format, where it has versions.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::Table | Self::Github | Self::Purls | Self::Csv | Self::Markdown => None,
            Self::CycloneDxJson(version) | Self::CycloneDxXml(version) => Some(version.as_str()),
            Self::SpdxJson(version) => Some(version.as_str()),
            Self::SpdxTagValue(version) => Some(version.as_str()),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.version().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let mut versions = Self::ALL.iter().copied().filter(|format| format.name() == name).peekable();
        let Some(&default) = versions.peek() else {
            let mut names: Vec<&str> = Self::ALL.iter().map(|format| format.name()).collect();
            names.dedup();
            return Err(FormatError::Name { name: name.to_owned(), known: names.join(", ") });
        };
        let Some(version) = version else { return Ok(default) };
        let known: Vec<&str> = versions.clone().filter_map(Self::version).collect();
        // Where only the last number of a version changes, documents name all three.
        let known_as = match (name, version) {
            ("spdx-json", "3.0.1") => "3.0",
            _ => version,
        };
        versions.find(|format| format.version() == Some(known_as)).ok_or_else(|| FormatError::Version {
            format: default.name(),
            version: version.to_owned(),
            known: known.join(", "),
        })
    }
}
