//! Verification of a signature over an artifact itself, which states nothing about it but that it was signed.

use super::{
    Demand, Refusal, Verified, Work, evidence,
    record::{Failure, Reason, Record},
    replay,
    signer::{self, Authenticated, Candidates},
    sigstore::Message,
};
use crate::{
    attest::{
        Signed,
        bundle::{Bundle, Content, Material},
        trust::Trust,
    },
    digest::{Algorithm, Digest},
    limits::Limits,
};

/// What was signed.
#[derive(Debug, Clone, Copy)]
pub enum Artifact<'a> {
    /// These bytes. Their digest must be the one that is demanded.
    Bytes(&'a [u8]),
    /// Whatever has the digest that is demanded.
    Digest,
}

/// That an artifact was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMessage {
    /// The digest of the artifact.
    pub digest: Digest,
}

/// Verifies a bundle that signs an artifact itself, as `cosign sign-blob` makes them. The type of predicate that is demanded
/// is not looked at: there is none.
pub fn verify_message(
    bundle: &[u8],
    artifact: Artifact<'_>,
    demand: &Demand,
    limits: &Limits,
) -> Result<Verified<SignedMessage>, Refusal> {
    let mut record = Record::default();
    match attempt(bundle, artifact, demand, limits, &mut record) {
        Ok(verified) => Ok(Verified { checks: record.into_checks(), ..verified }),
        Err(failure) => Err(record.refuse(failure)),
    }
}

fn attempt(
    bundle: &[u8],
    artifact: Artifact<'_>,
    demand: &Demand,
    limits: &Limits,
    record: &mut Record,
) -> Result<Verified<SignedMessage>, Failure> {
    let (digest, bundle) = evidence::read(&Signed::Bundle(bundle.to_vec()), demand, limits)?;
    let Content::Message { digest: claimed, .. } = &bundle.content else {
        return Err(Failure::new(
            Reason::Unsupported,
            "it holds a statement, not a signature over the artifact",
        ));
    };
    record.passed("format");
    if let Some((algorithm, claimed)) = claimed {
        check_claimed(algorithm, claimed, &demand.subject)?;
    }
    let message = match artifact {
        Artifact::Bytes(bytes) => {
            if demand.subject.algorithm() != Algorithm::Sha256 || Digest::of(bytes) != demand.subject {
                let message = format!("the artifact's digest is not {}", demand.subject);
                return Err(Failure::new(Reason::SubjectMismatch, message));
            }
            Message::Bytes(bytes)
        }
        Artifact::Digest => Message::Digest(&demand.subject),
    };
    record.passed("subject");
    let candidates = candidates(&bundle, message, demand, limits)?;
    let Authenticated { signers, time, places } =
        signer::authenticate(&bundle, candidates, message, demand, record)?;
    record.passed("signature");
    let value = SignedMessage { digest: demand.subject.clone() };
    let signatures = replay::signatures(&bundle);
    Ok(Verified { value, signers, time, places, digest, signatures, checks: Vec::new() })
}

/// What the bundle says of the artifact's digest, where it is of the algorithm that is known.
fn check_claimed(algorithm: &str, claimed: &[u8], subject: &Digest) -> Result<(), Failure> {
    let comparable = match subject.algorithm() {
        Algorithm::Sha256 => algorithm == "SHA2_256",
        Algorithm::Sha512 => algorithm == "SHA2_512",
    };
    let hex: String = claimed.iter().map(|byte| format!("{byte:02x}")).collect();
    if comparable && hex != subject.hex() {
        return Err(Failure::new(Reason::SubjectMismatch, format!("it signs {hex}, not {subject}")));
    }
    Ok(())
}

/// Who may have signed. Over a digest alone only the verifier of Sigstore's evidence verifies signatures, so a key needs a
/// trusted root and evidence there.
fn candidates(
    bundle: &Bundle,
    message: Message<'_>,
    demand: &Demand,
    limits: &Limits,
) -> Result<Candidates, Failure> {
    match (message, &bundle.material) {
        (Message::Bytes(bytes), _) => signer::of_signatures(bundle, bytes, demand, &mut Work::new(limits)),
        (Message::Digest(_), Material::Certificates(chain)) => signer::of_certificate(chain, demand),
        (Message::Digest(_), Material::Key { .. }) => {
            let has_evidence = !bundle.log_entries.is_empty() || !bundle.timestamps.is_empty();
            let keys =
                demand.signers.iter().enumerate().filter(|(_, trust)| {
                    has_evidence && matches!(trust, Trust::Key(key) if key.root.is_some())
                });
            let keys: Vec<_> = keys.map(|(place, _)| place).collect();
            if keys.is_empty() {
                let message = "a key's signature over a digest needs the artifact itself, or a trusted root and evidence";
                return Err(Failure::new(Reason::Unsupported, message));
            }
            Ok(Candidates::Keys(keys))
        }
    }
}
