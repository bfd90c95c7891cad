//! What is to be said and was said before: by the same key, of the same subjects, in the same bytes.

use std::collections::BTreeMap;

use sbom_core::{
    attest::{Signed, verify::Verified},
    digest::Digest,
    limits::Limits,
};

use super::{
    Author, Said,
    read_back::{demand, find},
    unverified,
};
use crate::{
    exit_code::Failure,
    place::Image,
    verify::{self, Withdrawn},
};

/// The bundle beside a subject in which `author` says `statement`, by its digest, and which counts; none if there is none to be
/// found. What an identity signs is never known: when it was signed is part of what is proven of it.
pub(super) fn bundle(
    image: &Image,
    author: &Author,
    said: &Said,
    statement: &Digest,
    records: Option<&Withdrawn>,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Failure> {
    if !matches!(author, Author::Key(_)) {
        return Ok(None);
    }
    let Some(trust) = author.trust()? else { return Ok(None) };
    for subject in &said.subjects {
        let found = find(image, &said.predicate_type, &subject.digest, limits);
        let same: BTreeMap<Digest, Vec<u8>> = found
            .signed()
            .filter_map(|(attestation, signed)| match signed {
                Signed::Bundle(bytes)
                    if unverified::statement(signed, limits).is_some_and(|it| it.digest() == *statement) =>
                {
                    Some((attestation.digest.clone(), bytes.clone()))
                }
                _ => None,
            })
            .collect();
        if same.is_empty() {
            continue;
        }
        let demand = |subject| demand(subject, Some(&said.predicate_type), trust.clone());
        let counts = verify::counting(found, &subject.digest, &demand, limits);
        // What lies beside the other digests of the image may withdraw it as well.
        let stands = |digest: &&Digest| records.is_none_or(|records| records.record_of(digest).is_none());
        let mut standing = counts.iter().map(Verified::digest).filter(stands);
        if let Some(bytes) = standing.find_map(|digest| same.get(digest)) {
            return Ok(Some(bytes.clone()));
        }
    }
    Ok(None)
}
