//! The bundle as the verifier of Sigstore's signatures takes it, and what it answers.
//!
//! sigstore-verify checks certificate chains, certificate timestamps, inclusion proofs, promises, checkpoints and time
//! stamps. It would also make a tree of the statement. Where log entries allow it, it is shown a signature over the
//! pre-authentication encoding instead, which is the same signature: what an SBOM says is then none of its business.

use serde_json::json;
use sigstore_types::{
    Artifact, ArtifactDigest, Bundle as Shown, DerPublicKey, DsseEnvelope, DsseSignature, HashAlgorithm,
    KeyId, MediaType, MessageDigest, MessageSignature, PayloadBytes, SignatureBytes, SignatureContent,
    TimestampToken,
    bundle::{
        CertificateContent, PublicKeyIdentifier, Rfc3161Timestamp, TimestampVerificationData,
        TransparencyLogEntry, VerificationMaterial, VerificationMaterialContent, X509Certificate,
    },
};
use sigstore_verify::{
    CertificateError, Error, Policy, PublicKeyVerificationPolicy, TimestampError, TransparencyLogError,
    VerificationPolicy, VerificationResult,
};

use super::{
    log::is_tiled,
    record::{Failure, Reason},
};
use crate::{
    attest::{
        base64,
        bundle::{Bundle, Content, LogEntry, Material, Version},
        key::PublicKey,
        trust::Root,
    },
    digest::{Algorithm, Digest},
    timestamp::Timestamp,
};

/// What the signature is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    /// These bytes: the encoding of an envelope's type and payload, or an artifact.
    Bytes(&'a [u8]),
    /// Something of this digest.
    Digest(&'a Digest),
}

/// What Sigstore's evidence proves.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    /// The certificate was logged as one.
    pub(super) sct: bool,
    /// Every log entry is proven or promised by its log.
    pub(super) log: bool,
    /// The time of the earliest stamp.
    pub(super) stamped: Option<Timestamp>,
    /// The earliest time at which a log promised to take it up.
    pub(super) logged: Option<Timestamp>,
    /// When the certificate began to be valid.
    pub(super) not_before: Option<Timestamp>,
}

/// Verifies a signature made with a certificate, of whomever.
pub(super) fn certificate(
    root: &Root,
    bundle: &Bundle,
    message: Message<'_>,
    subject: &Digest,
) -> Result<Proven, Failure> {
    let mut policy = VerificationPolicy::any_identity();
    if bundle.log_entries.is_empty() {
        policy = policy.skip_tlog_unsafe();
    }
    if root.listed().ctlogs.is_empty() {
        policy = policy.skip_sct();
    }
    let result = verify(root, bundle, message, subject, &policy)?;
    // Stamps first, as they are in the bundle, then promises.
    let (stamps, promises) =
        result.verified_timestamps().split_at_checked(bundle.timestamps.len()).unwrap_or_default();
    Ok(Proven {
        sct: result.sct_verified(),
        log: result.tlog_verified(),
        stamped: stamps.iter().filter_map(|time| seconds(time.as_second())).min(),
        logged: promises.iter().filter_map(|time| seconds(time.as_second())).min(),
        not_before: result.certificate().and_then(|it| seconds(it.not_before.as_second())),
    })
}

/// Verifies what logs and time stamp authorities say about a signature made with a key.
pub(super) fn key(
    root: &Root,
    bundle: &Bundle,
    message: Message<'_>,
    subject: &Digest,
    key: &PublicKey,
) -> Result<Proven, Failure> {
    let mut policy = PublicKeyVerificationPolicy::new(DerPublicKey::from(key.spki()));
    if bundle.log_entries.is_empty() {
        policy = policy.skip_tlog_unsafe();
    }
    let result = verify(root, bundle, message, subject, &policy)?;
    // Promises first, then stamps.
    let times = result.verified_timestamps();
    let (promises, stamps) =
        times.split_at_checked(times.len().saturating_sub(bundle.timestamps.len())).unwrap_or_default();
    Ok(Proven {
        sct: false,
        log: result.tlog_verified(),
        stamped: stamps.iter().filter_map(|time| seconds(time.as_second())).min(),
        logged: promises.iter().filter_map(|time| seconds(time.as_second())).min(),
        not_before: None,
    })
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    u64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_unix(seconds).ok())
}

fn verify(
    root: &Root,
    bundle: &Bundle,
    message: Message<'_>,
    subject: &Digest,
    policy: &impl Policy,
) -> Result<VerificationResult, Failure> {
    let is_message = matches!(bundle.content, Content::Message { .. });
    let as_message = is_message || bundle.log_entries.iter().all(is_tiled);
    let shown = shown(bundle, as_message)?;
    let artifact = match message {
        Message::Bytes(bytes) if as_message => Artifact::from_blob(bytes),
        Message::Digest(digest) if as_message => Artifact::from_digest(artifact_digest(digest)?),
        _ => Artifact::from_digest(artifact_digest(subject)?),
    };
    root.verifier().verify(artifact, &shown, policy).map_err(failure)
}

fn artifact_digest(digest: &Digest) -> Result<ArtifactDigest, Failure> {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => HashAlgorithm::Sha2256,
        Algorithm::Sha512 => HashAlgorithm::Sha2512,
    };
    let bytes = sigstore_types::DigestBytes::from_hex(digest.hex());
    bytes
        .and_then(|bytes| ArtifactDigest::new(algorithm, bytes))
        .map_err(|error| Failure::new(Reason::Unsupported, error))
}

fn shown(bundle: &Bundle, as_message: bool) -> Result<Shown, Failure> {
    let malformed = |error: sigstore_types::Error| Failure::new(Reason::Malformed, error);
    let media_type = match bundle.version {
        Version::V0_1 => MediaType::Bundle0_1,
        Version::V0_2 => MediaType::Bundle0_2,
        Version::V0_3 => MediaType::Bundle0_3,
    };
    let signature = SignatureBytes::from_bytes(bundle.signature());
    let content = match &bundle.content {
        Content::Envelope(_) if as_message => {
            SignatureContent::MessageSignature(MessageSignature::new(signature))
        }
        Content::Envelope(envelope) => SignatureContent::DsseEnvelope(DsseEnvelope::new(
            envelope.payload_type.as_str(),
            PayloadBytes::from_bytes(&envelope.payload),
            DsseSignature::new(signature, KeyId::default()),
        )),
        Content::Message { digest, .. } => {
            let mut message = MessageSignature::new(signature);
            if let Some((algorithm, digest)) = digest {
                let algorithm = algorithm.parse::<HashAlgorithm>().map_err(malformed)?;
                message = message.with_message_digest(MessageDigest::new(algorithm, digest.clone().into()));
            }
            SignatureContent::MessageSignature(message)
        }
    };
    let entries = bundle.log_entries.iter().map(entry).collect::<Result<_, _>>()?;
    let stamps =
        bundle.timestamps.iter().map(|token| Rfc3161Timestamp::new(TimestampToken::from_bytes(token)));
    let material = VerificationMaterial::new(material(bundle))
        .with_tlog_entries(entries)
        .with_timestamp_verification_data(TimestampVerificationData::new(stamps.collect()));
    Ok(Shown::new(media_type, material, content))
}

fn material(bundle: &Bundle) -> VerificationMaterialContent {
    match &bundle.material {
        Material::Key { hint } => {
            VerificationMaterialContent::PublicKey(PublicKeyIdentifier::new(hint.as_str()))
        }
        Material::Certificates(chain) => match chain.as_slice() {
            [leaf] => VerificationMaterialContent::Certificate(CertificateContent::new(leaf.clone().into())),
            chain => VerificationMaterialContent::X509CertificateChain {
                certificates: chain.iter().map(|it| X509Certificate::new(it.clone().into())).collect(),
            },
        },
    }
}

/// Through JSON, the one way in that asks for no type of further libraries.
fn entry(entry: &LogEntry) -> Result<TransparencyLogEntry, Failure> {
    let mut value = json!({
        "logIndex": entry.index.to_string(),
        "logId": {"keyId": base64::encode(&entry.log_id)},
        "kindVersion": {"kind": entry.kind, "version": entry.kind_version},
        "integratedTime": entry.integrated.to_string(),
        "canonicalizedBody": base64::encode(&entry.body),
    });
    let Some(members) = value.as_object_mut() else {
        return Err(Failure::new(Reason::Malformed, "no log entry"));
    };
    if let Some(promise) = &entry.promise {
        members
            .insert("inclusionPromise".to_owned(), json!({"signedEntryTimestamp": base64::encode(promise)}));
    }
    if let Some(proof) = &entry.proof {
        let hashes: Vec<_> = proof.hashes.iter().map(|hash| base64::encode(hash)).collect();
        let proof = json!({
            "logIndex": proof.index.to_string(),
            "rootHash": base64::encode(&proof.root),
            "treeSize": proof.tree_size.to_string(),
            "hashes": hashes,
            "checkpoint": {"envelope": proof.checkpoint},
        });
        members.insert("inclusionProof".to_owned(), proof);
    }
    let known = matches!(
        (entry.kind.as_str(), entry.kind_version.as_str()),
        ("hashedrekord", "0.0.1" | "0.0.2") | ("dsse", "0.0.1") | ("intoto", "0.0.2")
    );
    let reason = if known { Reason::TlogInvalid } else { Reason::Unsupported };
    serde_json::from_value(value)
        .map_err(|error| Failure::new(reason, format!("log entry {}: {error}", entry.index)))
}

#[expect(
    clippy::match_same_arms,
    reason = "one arm for each thing that can be wrong, in the order of the checks"
)]
fn failure(error: Error) -> Failure {
    use sigstore_bundle::Error as Shape;
    let reason = match &error {
        Error::SignatureInvalid(_) => Reason::BadSignature,
        Error::ArtifactMismatch(_) => Reason::TlogMismatch,
        Error::Certificate(CertificateError::Sct(_)) => Reason::Sct,
        Error::Certificate(CertificateError::Expired { .. } | CertificateError::NotYetValid { .. })
        | Error::TransparencyLog(TransparencyLogError::IntegratedTime(_)) => Reason::TimeOutside,
        Error::Certificate(_) => Reason::Certificate,
        Error::TransparencyLog(TransparencyLogError::EntryMismatch(_)) => Reason::TlogMismatch,
        Error::TransparencyLog(TransparencyLogError::UnknownLog { .. }) => Reason::TlogUnknown,
        Error::TransparencyLog(_) => Reason::TlogInvalid,
        Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => Reason::TimeMissing,
        Error::Timestamp(_) => Reason::TimeInvalid,
        Error::Bundle(
            Shape::MissingInclusionPromise(_)
            | Shape::MissingInclusionProof(_)
            | Shape::MissingSigningTimeEvidence,
        ) => Reason::TlogMissing,
        Error::Bundle(Shape::MissingTimestamp) => Reason::TimeMissing,
        Error::Bundle(
            Shape::MissingCheckpoint | Shape::LogIndexOutOfRange { .. } | Shape::CheckpointRootMismatch,
        ) => Reason::TlogInvalid,
        Error::UnsupportedBundle(_) | Error::UnsupportedArtifact(_) | Error::Crypto(_) => Reason::Unsupported,
        Error::InvalidTrustRoot(_) | Error::TrustRoot(_) | Error::TrustedCertificate(_) => Reason::TrustRoot,
        _ => Reason::Malformed,
    };
    Failure::new(reason, error)
}
