//! An attestation as it was found becomes a bundle, whatever its format.

use super::{
    Demand,
    record::{Failure, Reason},
};
use crate::{
    attest::{
        Signed,
        bundle::{Bundle, BundleError},
        envelope::Envelope,
    },
    digest::Digest,
    limits::Limits,
};

/// The digest of what was found and what it holds. What was withdrawn is not looked at any further.
pub(super) fn read(signed: &Signed, demand: &Demand, limits: &Limits) -> Result<(Digest, Bundle), Failure> {
    let bytes = signed.bytes();
    limits.attestation_bytes.check(bytes.len() as u64).map_err(|error| Failure::new(Reason::Limit, error))?;
    let digest = Digest::of(bytes);
    if demand.revoked.attestations.contains(&digest) {
        return Err(Failure::new(Reason::Revoked, format!("the attestation {digest} was withdrawn")));
    }
    let bundle = match signed {
        Signed::Bundle(bytes) => read_bundle(bytes)?,
        Signed::Envelope { bytes, annotations } => {
            let envelope = Envelope::read(bytes).map_err(|error| Failure::new(Reason::Malformed, error))?;
            super::legacy::bundle(envelope, annotations)
                .map_err(|message| Failure::new(Reason::Malformed, message))?
        }
    };
    Ok((digest, bundle))
}

fn read_bundle(bytes: &[u8]) -> Result<Bundle, Failure> {
    Bundle::read(bytes).map_err(|error| {
        let reason = match &error {
            BundleError::MediaType(_) => Reason::Unsupported,
            _ => Reason::Malformed,
        };
        Failure::new(reason, error)
    })
}
