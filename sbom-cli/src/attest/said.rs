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
use serde::{Deserialize, de::IgnoredAny};

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
    check(predicate_type, &predicate)
        .map_err(|message| Failure { exit: Exit::BadInput, source: anyhow!("{path}: {message}") })?;
    if !what.allow_partial && is_partial(&predicate, limits) {
        let message = "layers were read in part (scan --partial), so that nothing proves all of what it says; \
                       scan without, or sign it all the same with --allow-partial";
        return Err(Failure { exit: Exit::BadInput, source: anyhow!("{path}: {message}") });
    }
    Ok(Said { predicate_type: predicate_type.clone(), predicate, subjects, platform })
}

/// Fails if what is to be said is no JSON object, or not the bill that its type calls it: nobody who trusts the signer
/// would look again.
fn check(predicate_type: &PredicateType, predicate: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Top {
        spdx_version: Option<IgnoredAny>,
        #[serde(rename = "@graph")]
        graph: Option<IgnoredAny>,
        bom_format: Option<IgnoredAny>,
    }
    let top: Top = serde_json::from_slice(predicate)
        .map_err(|error| format!("a predicate is one JSON object, and this is none: {error}"))?;
    let (name, is_one) = match predicate_type.family() {
        Some(Family::Spdx) => ("an SPDX", top.spdx_version.is_some() || top.graph.is_some()),
        Some(Family::CycloneDx) => ("a CycloneDX", top.bom_format.is_some()),
        _ => return Ok(()),
    };
    if is_one {
        return Ok(());
    }
    Err(format!("this is not {name} document, as --type {} says; name what it is", predicate_type.uri()))
}

/// Whether this is a bill of layers of which only parts were read.
fn is_partial(predicate: &[u8], limits: &Limits) -> bool {
    // Few bills are; the others need not be read.
    let may_be = std::str::from_utf8(predicate).is_ok_and(|text| text.contains(":partial"));
    let layers =
        || document::read::read(predicate, limits).map(|read| read.document.layers).unwrap_or_default();
    may_be && layers().iter().any(|layer| layer.partial.is_some())
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
    let mut formats: Vec<(PredicateType, Format)> = Vec::new();
    for wanted in &what.types {
        let (wanted, format) = format(wanted)?;
        if formats.iter().all(|(known, _)| *known != wanted) {
            formats.push((wanted, format));
        }
    }
    Ok(formats)
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
    let complete = report_gaps(&document.gaps, document.gaps_not_listed, terminal);
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
