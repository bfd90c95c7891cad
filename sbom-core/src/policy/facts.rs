//! What a verdict is made from: facts about the image, and the statements about it that were verified.
//!
//! Whoever gathers these has resolved the image's name once, checked every manifest against its digest, and
//! verified every statement for the signers that it names. Nothing in here is checked again.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    attest::predicate::PredicateType,
    digest::Digest,
    document::model::Document,
    oci::{Platform, reference::Reference},
    timestamp::Timestamp,
};

use super::reason::Reason;

/// The image in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As it was asked for.
    pub name: String,
    /// The repository in full (`docker.io/library/alpine`); none for an image in no registry.
    pub repository: Option<String>,
    /// The tag, if it was asked for by one; none beside a digest.
    pub tag: Option<String>,
    /// What the name was resolved to: the digest of an index or manifest.
    pub digest: Digest,
    /// The manifests of the index in its order, or the one that `digest` names.
    pub manifests: Vec<Manifest>,
}

/// A manifest for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its digest.
    pub digest: Digest,
    /// Its platform; what has none cannot be run and is left out of the count.
    pub platform: Platform,
    /// The digests of its layers, uncompressed, lowest first; empty if they are not known.
    pub layers: Vec<Digest>,
    /// What it says of the image that it was built on.
    pub base: BaseImage,
}

/// What an image says of the image that it was built on, in labels or annotations. Whoever built it wrote that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BaseImage {
    /// `org.opencontainers.image.base.name`.
    pub name: Option<String>,
    /// `org.opencontainers.image.base.digest`.
    pub digest: Option<String>,
    /// When that image was made, if it was looked up.
    pub created: Option<Timestamp>,
}

impl Subject {
    /// What is known of an image by its reference, before its manifests are.
    pub fn of_reference(name: &str, reference: &Reference, digest: Digest) -> Self {
        Self {
            name: name.to_owned(),
            repository: Some(reference.repository().to_string()),
            tag: reference.deciding_tag().map(ToString::to_string),
            digest,
            manifests: Vec::new(),
        }
    }

    /// The manifests that can be run.
    pub fn runnable(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter().filter(|manifest| !manifest.platform.is_unknown())
    }

    /// Every digest that names the image or a part of it.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(&self.digest).chain(self.manifests.iter().map(|manifest| &manifest.digest))
    }
}

/// All that was found about an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Statements that were verified, in any order; one that was found twice counts once.
    pub attestations: Vec<Attestation>,
    /// Statements that a signer signed and that do not count, since not all is proven that is demanded of them. What they say
    /// against the image is heard, and nothing else.
    pub against: Vec<Attestation>,
    /// What was found and refused.
    pub refusals: Vec<Refusal>,
    /// Why there may be more than was found.
    pub incomplete: Vec<Incomplete>,
    /// What a scan of a manifest found, by its digest.
    pub rescans: BTreeMap<Digest, Document>,
}

/// A statement that was verified for at least one signer of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The digest of the bundle or envelope.
    pub digest: Digest,
    /// The digest of the statement that was signed, which no copy can change.
    pub statement: Digest,
    /// The digests of all its subjects.
    pub subjects: BTreeSet<Digest>,
    /// The type of its predicate, from the signed bytes.
    pub predicate_type: PredicateType,
    /// The predicate, from the signed bytes.
    pub predicate: Vec<u8>,
    /// Who signed.
    pub signers: Vec<SignedBy>,
    /// What its signatures are known by, which no copy can change.
    pub signatures: BTreeSet<Digest>,
    /// When it was signed, by a time-stamp authority or a transparency log.
    pub verified_time: Option<Timestamp>,
    /// When it was made by its own word.
    pub claimed_time: Option<Timestamp>,
    /// Its places in transparency logs.
    pub log_indexes: BTreeSet<u64>,
    /// The fingerprints of the certificates that it was signed with.
    pub certificates: BTreeSet<Digest>,
}

/// A signer of the policy that a statement was verified for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedBy {
    /// The name in the policy.
    pub name: String,
    /// Who that was: the key's fingerprint, or the certificate's issuer and subject. Two names of one key are one signer.
    pub identity: String,
}

/// Something that was found and refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The digest of what was found.
    pub digest: Option<Digest>,
    /// The type of its predicate, as far as it is known; nothing vouches for it.
    pub predicate_type: Option<PredicateType>,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub message: String,
}

/// Why there may be more than was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Incomplete {
    /// The digest about which; none for all.
    pub subject: Option<Digest>,
    /// The type by which all of it is called; none if it may be of any.
    pub predicate_type: Option<PredicateType>,
    /// Why: [`Reason::LIMIT`], [`Reason::REGISTRY`], [`Reason::TRUST_ROOT`].
    pub reason: Reason,
    /// Why, in words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_beside_a_digest_is_none_by_which_the_image_was_asked_for() {
        let digest = Digest::of(b"image");
        let tag = |name: &str| {
            let reference: Reference = name.parse().unwrap();
            Subject::of_reference(name, &reference, digest.clone()).tag
        };
        assert_eq!(tag("quay.io/acme/app:v1"), Some("v1".to_owned()));
        assert_eq!(tag(&format!("quay.io/acme/app:v1@{digest}")), None);
        assert_eq!(tag(&format!("quay.io/acme/app@{digest}")), None);
    }
}
