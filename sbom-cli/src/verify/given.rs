//! Attestations that are given in a file, in place of those beside an image.

use std::path::Path;

use anyhow::anyhow;
use sbom_core::{
    attest::{Signed, verify::Reason},
    digest::Digest,
    limits::Limits,
};

use super::{hearing::Candidate, verdict::Verdict};
use crate::{
    documents,
    exit_code::{Exit, Failure},
};

/// The attestations in a file: one, or one a line.
pub(super) fn candidates(path: &Path, limits: &Limits) -> Result<Vec<Candidate>, Failure> {
    let name = path.display().to_string();
    let (_, bytes) = documents::bytes(&name, limits)?;
    let whole = bytes.trim_ascii();
    let lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    // One attestation may be spread over lines; several are one a line, each a whole object.
    let is_object = |line: &&[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    let several = lines.iter().filter(|line| !line.is_empty()).all(is_object);
    let parts = if several { lines } else { vec![whole] };
    let parts: Vec<&[u8]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    limits.referrers_listed.check(parts.len() as u64).map_err(|error| {
        Failure::environment(anyhow::Error::new(error).context(format!("the attestations in {name}")))
    })?;
    let signed = parts.into_iter().map(|part| {
        let bytes = part.to_vec();
        Candidate { digest: Digest::of(&bytes), hint: None, signed: Signed::of_file(bytes) }
    });
    Ok(signed.collect())
}

/// Fails if nothing of a file is an attestation at all: that somebody gave the wrong file is no verdict.
pub(super) fn check_readable(bundle: &Path, given: &[Candidate], verdict: &Verdict) -> Result<(), Failure> {
    let malformed = || verdict.refused.iter().filter(|(_, refusal)| refusal.reason == Reason::Malformed);
    let why = match malformed().next() {
        None if given.is_empty() => "it is empty",
        Some((_, first)) if malformed().count() == given.len() => &first.message,
        _ => return Ok(()),
    };
    let message = format!("{} holds no attestation: {why}", bundle.display());
    Err(Failure { exit: Exit::BadInput, source: anyhow!(message) })
}
