//! What is said about a subject: a bill that is made here, or what a file says.

use std::path::Path;

use anyhow::anyhow;
use sbom_core::{
    attest::predicate::{Family, PredicateType},
    bom::Bom,
    document::{self, Format},
    limits::Limits,
    oci::{Descriptor, Platform},
};

use super::WhatArgs;
use crate::{
    bill::{BillMaker, report_gaps},
    documents,
    exit_code::{Exit, Failure},
    terminal::Terminal,
};

/// Something to be signed.
#[derive(Debug)]
pub(super) struct Said {
    /// What kind of thing it is.
    pub(super) predicate_type: PredicateType,
    /// One JSON object.
    pub(super) predicate: Vec<u8>,
    /// What it is about; every one gets it.
    pub(super) subjects: Vec<Descriptor>,
    /// The platform, where there are several.
    pub(super) platform: Option<Platform>,
}

/// What `file` says.
pub(super) fn given(
    what: &WhatArgs,
    file: &Path,
    limits: &Limits,
    subjects: Vec<Descriptor>,
    platform: Option<Platform>,
) -> Result<Said, Failure> {
    let [predicate_type] = what.types.as_slice() else {
        return Err(Failure::usage(anyhow!("what a file says is of one type: give --type once")));
    };
    let path = file.display().to_string();
    let (_, predicate) = documents::bytes(&path, limits)?;
    Ok(Said { predicate_type: predicate_type.clone(), predicate, subjects, platform })
}

/// The formats of bills that the types mean.
pub(super) fn formats(what: &WhatArgs) -> Result<Vec<(PredicateType, Format)>, Failure> {
    let format = |wanted: &PredicateType| {
        let name = match wanted.family() {
            Some(Family::Spdx) => "spdx-json",
            Some(Family::CycloneDx) => "cyclonedx-json",
            _ => {
                let uri = wanted.uri();
                let message = format!("a scan says nothing of type {uri}: give --predicate FILE");
                return Err(Failure::usage(anyhow!(message)));
            }
        };
        let format = name.parse().map_err(|error| Failure::usage(anyhow::Error::new(error)))?;
        Ok((wanted.clone(), format))
    };
    what.types.iter().map(format).collect()
}

/// The bill in every format.
pub(super) fn bills(
    what: &WhatArgs,
    formats: &[(PredicateType, Format)],
    bom: Bom,
    maker: &BillMaker,
    terminal: &Terminal,
    subjects: &[Descriptor],
    platform: Option<&Platform>,
) -> Result<Vec<Said>, Failure> {
    let (document, inputs) = maker.document(bom)?;
    let complete = report_gaps(&document, terminal);
    if what.strict && !complete {
        let message = "the bill is incomplete, and --strict signs complete ones only; nothing was signed";
        return Err(Failure { exit: Exit::Incomplete, source: anyhow!(message) });
    }
    let mut said = Vec::new();
    for (predicate_type, format) in formats {
        let mut predicate = Vec::new();
        document::write(&document, *format, &inputs, &mut predicate)
            .map_err(|error| Failure { exit: Exit::BadInput, source: error.into() })?;
        said.push(Said {
            predicate_type: predicate_type.clone(),
            predicate,
            subjects: subjects.to_vec(),
            platform: platform.cloned(),
        });
    }
    Ok(said)
}
