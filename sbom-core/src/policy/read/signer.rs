//! Who may say something.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fields::{Field, Fields, Reader},
    values,
};
use crate::{
    digest::{Digest, DigestError},
    policy::model::{CLAIMS, Identity, Revoked, Signer, Source},
};

pub(super) const SIGNER: &[&str] = &[
    "key",
    "issuer",
    "subject",
    "trustedRoot",
    "notBefore",
    "notAfter",
    "revoked",
    "buildSigner",
    "buildConfig",
    "workflowDigest",
    "runnerEnvironment",
    "repository",
    "sourceDigest",
    "ref",
    "repositoryId",
    "owner",
    "ownerId",
    "trigger",
    "visibility",
    "environment",
];

pub(super) const REVOKED: &[&str] = &["attestations", "logIndexes", "certificates"];

/// A signer: a key, or an issuer and a subject.
pub(super) fn signer(reader: &mut Reader, field: &Field<'_>) -> Option<Signer> {
    let fields = reader.map(field.node, &field.path, SIGNER)?;
    let identity = identity(reader, &fields);
    let not_before = fields.get("notBefore").and_then(|field| values::first_moment(reader, field));
    let not_after = fields.get("notAfter").and_then(|field| values::last_moment(reader, field));
    if not_before.zip(not_after).is_some_and(|(from, to)| from > to) {
        fields.combination(reader, "notBefore is after notAfter, so no statement could ever count");
    }
    let revoked = fields.get("revoked").and_then(|field| revoked(reader, &field)).unwrap_or_default();
    Some(Signer { identity: identity?, not_before, not_after, revoked })
}

fn identity(reader: &mut Reader, fields: &Fields<'_>) -> Option<Identity> {
    let has = |key: &str| fields.get(key).is_some();
    let of_certificate = has("issuer") || has("subject") || CLAIMS.iter().any(|(key, _)| has(key));
    let is_json = |text: &str| text.starts_with('{');
    let trusted_root = fields.get("trustedRoot").and_then(|field| values::source(reader, &field, is_json));
    match (fields.get("key"), of_certificate) {
        (Some(key), false) => {
            let is_pem = |text: &str| text.starts_with("-----BEGIN");
            values::source(reader, &key, is_pem).map(|key| Identity::Key { key, trusted_root })
        }
        (Some(_), true) => {
            fields.combination(
                reader,
                "a signer is a key, or the issuer and subject of a certificate, not both",
            );
            None
        }
        (None, false) => {
            fields.combination(reader, "a signer needs a key, or the issuer and subject of a certificate");
            None
        }
        (None, true) => certificate(reader, fields, trusted_root),
    }
}

fn certificate(reader: &mut Reader, fields: &Fields<'_>, trusted_root: Option<Source>) -> Option<Identity> {
    // Either without the other would let in whoever else is known to that issuer, or by that name.
    let issuer = fields.required(reader, "issuer").and_then(|field| values::matcher(reader, &field));
    let subject = fields.required(reader, "subject").and_then(|field| values::matcher(reader, &field));
    let mut claims = BTreeMap::new();
    for (key, claim) in CLAIMS {
        if let Some(pattern) = fields.get(key).and_then(|field| values::matcher(reader, &field)) {
            claims.insert(*claim, pattern);
        }
    }
    Some(Identity::Certificate { issuer: issuer?, subject: subject?, trusted_root, claims })
}

fn revoked(reader: &mut Reader, field: &Field<'_>) -> Option<Revoked> {
    let fields = reader.map(field.node, &field.path, REVOKED)?;
    let digests = |reader: &mut Reader, key: &str| -> BTreeSet<Digest> {
        let entries = fields.get(key).map(|field| reader.list(field)).unwrap_or_default();
        entries
            .iter()
            .filter_map(|field| reader.parsed(field, |text| -> Result<Digest, DigestError> { text.parse() }))
            .collect()
    };
    let attestations = digests(reader, "attestations");
    let certificates = digests(reader, "certificates");
    let indexes = fields.get("logIndexes").map(|field| reader.list(field)).unwrap_or_default();
    let log_indexes = indexes.iter().filter_map(|field| reader.parsed(field, str::parse::<u64>)).collect();
    Some(Revoked { attestations, log_indexes, certificates })
}
