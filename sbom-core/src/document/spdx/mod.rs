//! Writes SPDX documents. Source: the SPDX specification and the schemas published with it.
//!
//! The versions 2.x, as JSON and as tag-value, are written from the same records; 3 is another model, with files of
//! its own.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use super::{
    Inputs, identity,
    model::{Component, ComponentKind, Document},
};
use crate::digest::Digest;

pub(in crate::document) mod relationship;
mod v2;
mod v3;
pub(in crate::document) mod vocabulary3;

pub use v2::Spdx2Version;

/// A version of SPDX that documents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpdxVersion {
    /// 2.2.
    V2_2,
    /// 2.3.
    V2_3,
    /// 3.0.1.
    V3_0,
}

impl SpdxVersion {
    /// As it is asked for: `2.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_2 => "2.2",
            Self::V2_3 => "2.3",
            Self::V3_0 => "3.0",
        }
    }
}

pub(super) fn write(
    document: &Document,
    version: SpdxVersion,
    inputs: &Inputs,
    out: &mut dyn Write,
) -> io::Result<()> {
    match version {
        SpdxVersion::V2_2 => v2::json::write(document, Spdx2Version::V2_2, inputs, out),
        SpdxVersion::V2_3 => v2::json::write(document, Spdx2Version::V2_3, inputs, out),
        SpdxVersion::V3_0 => v3::write(document, inputs, out),
    }
}

pub(super) use v2::tag_value::write as write_tag_value;

/// The identifiers of all elements, by component: `PREFIX-KIND-SLUG-HASH`, the hash that of the component's
/// identifier.
struct Ids(Vec<String>);

impl Ids {
    fn new(document: &Document, prefix: &str) -> Self {
        let mut taken = HashSet::new();
        Self(document.components.iter().map(|component| id(component, prefix, &mut taken)).collect())
    }

    /// The identifier of the component at `index`.
    fn of(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }
}

fn id(component: &Component, prefix: &str, taken: &mut HashSet<u64>) -> String {
    let hash = Digest::of(component.id.as_bytes());
    let hash = hash.hex();
    let head = format!("{prefix}{}-{}", kind(component.kind), identity::slug(&component.name));
    let short = hash.get(..16).unwrap_or(hash);
    // Two hashes that begin alike are made with effort, and an image may be made with effort.
    let is_new = u64::from_str_radix(short, 16).is_ok_and(|short| taken.insert(short));
    format!("{head}-{}", if is_new { short } else { hash })
}

/// Trivy tells kinds apart by this part of the identifier, and takes an `Application` for a mere group of packages,
/// so that programs are packages here.
fn kind(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Container => "ContainerImage",
        ComponentKind::File => "File",
        ComponentKind::OperatingSystem => "OperatingSystem",
        _ => "Package",
    }
}
