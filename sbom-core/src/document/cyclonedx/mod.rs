//! Writes CycloneDX documents. Source: ECMA-424 and the schemas published with it.
//!
//! Each version of the specification has a file of its own; what all of them share stands in the others.

use std::io::{self, Write};

use super::{Inputs, model::Document};

mod component;
mod license;
mod v1_6;

/// A version of CycloneDX that documents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CycloneDxVersion {
    /// 1.6, which every consumer of CycloneDX reads today.
    V1_6,
}

impl CycloneDxVersion {
    /// As documents name it: `1.6`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
        }
    }
}

pub(super) fn write(
    document: &Document,
    version: CycloneDxVersion,
    inputs: &Inputs,
    out: &mut dyn Write,
) -> io::Result<()> {
    match version {
        CycloneDxVersion::V1_6 => v1_6::write(document, inputs, out),
    }
}
