//! Documents → the model. What is common to all readers: the result, what it lost, and the errors.
//!
//! Every reader is given the whole document in memory, whose size [`Limits::document_bytes`] bounds, and goes through
//! it once. It keeps what the model has a place for; what it has none for is counted in [`Losses`], never dropped in
//! silence. Properties and annotations become [`Property`](super::model::Property)s as they stand, out of which
//! [`facts::absorb`](super::facts::absorb) then takes those that the model has fields for.

use std::{collections::BTreeMap, fmt};

use crate::limits::{LimitExceeded, Limits};

/// What a reader works with.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The bounds.
    pub(super) limits: &'a Limits,
    /// What the model has no place for.
    pub(super) losses: Losses,
}

/// What a document says and the model has no place for: how often, by the place in the document's own terms, as
/// `vulnerabilities` or `components[].modelCard`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses(pub BTreeMap<String, u64>);

impl Losses {
    /// Counts one thing lost at `place`.
    pub(super) fn add(&mut self, place: &str) {
        if let Some(count) = self.0.get_mut(place) {
            *count = count.saturating_add(1);
        } else {
            self.0.insert(place.to_owned(), 1);
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
}
