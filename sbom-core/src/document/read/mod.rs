//! Documents → the model. What is common to all readers: the entry, the result, what it lost, and the errors.
//!
//! Every reader is given the whole document in memory, whose size [`Limits::document_bytes`] bounds, and goes through
//! it once. It keeps what the model has a place for; what it has none for is counted in [`Losses`], never dropped in
//! silence. Properties and annotations become [`Property`](super::model::Property)s as they stand, out of which
//! `facts::absorb` then takes those that the model has fields for.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use super::{
    edges, facts,
    model::{Document, Origin},
};
use crate::{
    digest::Digest,
    limits::{LimitExceeded, Limits},
};

mod cyclonedx;
mod elements;
mod envelope;
mod members;
mod records;
mod sniff;
mod spdx;
mod syft;
#[cfg(test)]
mod tests;
mod value;

pub use envelope::{StatementSubject, Wrapper};
use sniff::Form;

/// A document that was read.
///
/// Nothing was verified: whoever can write the file decides what stands in it, signatures around it included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it says.
    pub document: Document,
    /// The format it has.
    pub format: SourceFormat,
    /// What it was wrapped in, the outermost first. Signatures in there were **not** verified.
    pub wrapped_in: Vec<Wrapper>,
    /// What the model has no place for.
    pub losses: Losses,
}

/// The format of a document that was read.
///
/// `Display` writes it as people call it: `CycloneDX 1.5 JSON`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceFormat {
    /// Which one.
    pub syntax: Syntax,
    /// The version that the document names, as in `1.5`.
    pub version: String,
}

/// The formats that can be read, in all their versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Syntax {
    /// CycloneDX as JSON.
    CycloneDxJson,
    /// CycloneDX as XML.
    CycloneDxXml,
    /// SPDX 2 as JSON.
    SpdxJson,
    /// SPDX 2 as lines of `Tag: value`.
    SpdxTagValue,
    /// SPDX 3 as JSON-LD.
    SpdxJsonLd,
    /// Syft's own JSON.
    SyftJson,
}

impl Syntax {
    /// The family of formats: `CycloneDX`, `SPDX`, `Syft`.
    pub fn family(self) -> &'static str {
        match self {
            Self::CycloneDxJson | Self::CycloneDxXml => "CycloneDX",
            Self::SpdxJson | Self::SpdxTagValue | Self::SpdxJsonLd => "SPDX",
            Self::SyftJson => "Syft",
        }
    }

    /// How it is written down: `JSON`, `XML`, `tag-value`, `JSON-LD`.
    pub fn notation(self) -> &'static str {
        match self {
            Self::CycloneDxJson | Self::SpdxJson | Self::SyftJson => "JSON",
            Self::CycloneDxXml => "XML",
            Self::SpdxTagValue => "tag-value",
            Self::SpdxJsonLd => "JSON-LD",
        }
    }
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.syntax.family())?;
        if !self.version.is_empty() {
            write!(f, "{} ", self.version)?;
        }
        f.write_str(self.syntax.notation())
    }
}

/// Reads a document of any format that is known, whatever it is wrapped in; the content alone says which.
///
/// Signatures are **not** verified, and neither is that the subject of a statement is what the document describes.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Read, ReadError> {
    let Plain { text, syntax, wrapped_in } = open(bytes, limits)?;
    let read = read_plain(&text, syntax, limits).map_err(|error| inside(&wrapped_in, error))?;
    Ok(Read { wrapped_in, ..read })
}

/// The text of a document, out of what it was wrapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain<'a> {
    /// The document itself.
    pub text: Cow<'a, str>,
    /// The format that it begins in.
    pub syntax: Syntax,
    /// What it was wrapped in, the outermost first. Signatures in there were **not** verified.
    pub wrapped_in: Vec<Wrapper>,
}

/// Finds the text of the document in what it may be wrapped in, without reading it.
pub fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Plain<'a>, ReadError> {
    limits.document_bytes.check(bytes.len() as u64)?;
    let mut text = Cow::Borrowed(sniff::text(bytes)?);
    let mut wrapped_in = Vec::new();
    loop {
        let unwrapped = match sniff::form(&text) {
            Ok(Form::Wrapped(kind)) => envelope::open(kind, &text),
            Ok(Form::Plain(syntax)) => return Ok(Plain { text, syntax, wrapped_in }),
            Err(error) => Err(error),
        };
        let (wrapper, content) = unwrapped.map_err(|error| inside(&wrapped_in, error))?;
        let content = content.into_owned();
        wrapped_in.push(wrapper);
        limits.document_depth.check(wrapped_in.len() as u64)?;
        text = Cow::Owned(content);
    }
}

fn read_plain(text: &str, syntax: Syntax, limits: &Limits) -> Result<Read, ReadError> {
    let mut context = Context::new(limits);
    let mut document = match syntax {
        Syntax::CycloneDxJson => cyclonedx::read_json(text, &mut context),
        Syntax::CycloneDxXml => cyclonedx::read_xml(text, &mut context),
        Syntax::SpdxJson => spdx::read_json(text.as_bytes(), &mut context),
        Syntax::SpdxTagValue => spdx::read_tag_value(text, &mut context),
        Syntax::SyftJson => syft::read(text.as_bytes(), &mut context),
        Syntax::SpdxJsonLd => spdx::read_3(text.as_bytes(), &mut context),
    }?;
    document.header.origin = Origin::Fixed(Digest::of(text.as_bytes()).to_string());
    facts::absorb(&mut document);
    if matches!(syntax, Syntax::CycloneDxJson | Syntax::CycloneDxXml) {
        edges::decode(&mut document);
    }
    document.normalise();
    let format = SourceFormat { syntax, version: context.version };
    Ok(Read { document, format, wrapped_in: Vec::new(), losses: context.losses })
}

/// `error`, with what the text at fault was wrapped in.
fn inside(wrapped_in: &[Wrapper], error: ReadError) -> ReadError {
    wrapped_in.iter().rev().fold(error, |error, wrapper| ReadError::Wrapped {
        wrapper: wrapper.to_string(),
        source: Box::new(error),
    })
}

/// What a reader works with.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The bounds.
    pub(super) limits: &'a Limits,
    /// What the model has no place for.
    pub(super) losses: Losses,
    /// The version of the format that the document names; the reader sets it.
    pub(super) version: String,
}

impl<'a> Context<'a> {
    /// For a document of which nothing was read yet.
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, losses: Losses::default(), version: String::new() }
    }
}

/// What a document says and the model has no place for: how often, by the place in the document's own terms, as
/// `vulnerabilities` or `components[].modelCard`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses(pub BTreeMap<String, u64>);

impl Losses {
    /// Counts one thing lost at `place`.
    pub(super) fn add(&mut self, place: &str) {
        self.add_many(place, 1);
    }

    /// Counts `times` things lost at `place`. Places come from the document, so what has too many is counted
    /// at one.
    pub(super) fn add_many(&mut self, place: &str, times: u64) {
        if times == 0 {
            return;
        }
        let place = if place.len() <= MAX_QUOTED && !place.contains(char::is_control) {
            Cow::Borrowed(place)
        } else {
            Cow::Owned(shortened(place))
        };
        if let Some(count) = self.0.get_mut(&*place) {
            *count = count.saturating_add(times);
        } else if self.0.len() < MAX_PLACES {
            self.0.insert(place.into_owned(), times);
        } else {
            let count = self.0.entry("other places".to_owned()).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Losses {
    /// `vulnerabilities (3), services (1)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (place, count)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{place} ({count})")?;
        }
        Ok(())
    }
}

/// Places that losses are told apart by.
const MAX_PLACES: usize = 1000;
/// Characters of a text of the document that a message repeats.
const MAX_QUOTED: usize = 80;

/// `text` without control characters and at most 80 characters long, for messages.
fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(MAX_QUOTED).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        short.push('…');
    }
    short
}

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is none of the formats that can be read.
    #[error("not a bill of materials that can be read: {found}")]
    Unrecognised {
        /// What it looks like, and which formats there are.
        found: String,
    },
    /// The format is known, its version is not.
    #[error("{format} {version:?} cannot be read; the versions are {known}")]
    Version {
        /// The format.
        format: &'static str,
        /// The version that the document names.
        version: String,
        /// Those that can be read.
        known: &'static str,
    },
    /// The text does not follow the format.
    #[error("{format}, line {line}, column {column}: {message}")]
    Syntax {
        /// The format.
        format: &'static str,
        /// The line, 1 the first.
        line: usize,
        /// The column in it, in bytes, 1 the first.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The text is well formed, but what it says does not hold together.
    #[error("{format}, {place}: {message}")]
    Content {
        /// The format.
        format: &'static str,
        /// The place in the document's own terms, as `components[12].bom-ref`.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// It is not UTF-8.
    #[error("not UTF-8, first at byte {offset}; convert the file (as with iconv) first")]
    Encoding {
        /// The first byte that is not.
        offset: usize,
    },
    /// A bound was hit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// What cannot be read is wrapped in something else.
    #[error("inside {wrapper}: {source}")]
    Wrapped {
        /// What it is wrapped in.
        wrapper: String,
        /// Why it cannot be read.
        source: Box<ReadError>,
    },
}

/// What `serde_json` objects to, as an error of `format`.
fn json_error(format: &'static str, error: &serde_json::Error) -> ReadError {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
    ReadError::Syntax { format, line: error.line().max(1), column: error.column().max(1), message }
}
