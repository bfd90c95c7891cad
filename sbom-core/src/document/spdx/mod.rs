//! Writes SPDX documents. Source: the SPDX specification and the schemas published with it.
//!
//! Each version of the specification has a file of its own; what those of 2.x share stands in the others.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use super::{
    Inputs, identity,
    model::{Component, ComponentKind, Document},
};
use crate::digest::Digest;

mod package;
mod v2_3;

/// A version of SPDX that documents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpdxVersion {
    /// 2.3.
    V2_3,
}

impl SpdxVersion {
    /// As documents name it: `2.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_3 => "2.3",
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
        SpdxVersion::V2_3 => v2_3::write(document, inputs, out),
    }
}

/// The identifiers of all elements, by component: `SPDXRef-KIND-SLUG-HASH`, the hash that of the component's
/// identifier.
struct Ids(Vec<String>);

impl Ids {
    fn new(document: &Document) -> Self {
        let mut taken = HashSet::new();
        Self(document.components.iter().map(|component| id(component, &mut taken)).collect())
    }

    /// The identifier of the component at `index`.
    fn of(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }
}

fn id(component: &Component, taken: &mut HashSet<String>) -> String {
    let hash = Digest::of(component.id.as_bytes());
    let short: String = hash.hex().chars().take(16).collect();
    let head = format!("SPDXRef-{}-{}", kind(component.kind), identity::slug(&component.name));
    let id = format!("{head}-{short}");
    if taken.insert(id.clone()) {
        return id;
    }
    // Two hashes that begin alike are made with effort, and an image may be made with effort.
    let id = format!("{head}-{}", hash.hex());
    taken.insert(id.clone());
    id
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
