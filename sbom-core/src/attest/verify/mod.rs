//! Verification of one signed statement, step by step, with a record of every step.
//!
//! What a signature covers is verified as bytes before any of it is parsed, and parsed once. Then come the cheap questions,
//! whether it is about the right thing and of the right kind, then certificates, logs and time stamps, and at last whether
//! whoever signed it is somebody who is trusted. An error at any step is a [`Refusal`]; nothing that fails is passed over.

mod certificate;
mod evidence;
mod legacy;
mod log;
mod message;
mod record;
mod replay;
mod signer;
mod sigstore;
#[cfg(test)]
mod tests;
mod withdrawal;
mod work;

use std::{collections::BTreeSet, fmt};

pub use self::{
    message::{Artifact, SignedMessage, verify_message},
    record::{Check, Outcome, Reason, Refusal},
    signer::{Signer, SignerId},
    withdrawal::{Heard, Unproven, Withdrawal, Withdrawing, hear_within},
    work::Work,
};
use self::{
    record::{Failure, Record},
    signer::{Authenticated, Candidates},
};
use super::{
    Signed,
    bundle::{Bundle, Content},
    envelope::{Envelope, IN_TOTO, PreAuth},
    predicate::PredicateType,
    statement::{Statement, StatementError},
    trust::Trust,
};
use crate::{digest::Digest, limits::Limits, timestamp::Timestamp};

/// What an attestation must be to count.
#[derive(Debug, Clone)]
pub struct Demand {
    /// What it must be about.
    pub subject: Digest,
    /// What kind of thing it must say; any where there is none.
    pub predicate: Option<PredicateType>,
    /// Who may have signed it. Nobody is trusted where there is none.
    pub signers: Vec<Trust>,
    /// Whether a transparency log must have it.
    pub log: Need,
    /// Whether somebody trusted must say when it was signed.
    pub time: Need,
    /// What was withdrawn.
    pub revoked: Revoked,
    /// The time of the verification, against which spans are held where no time of signing is proven.
    pub now: Timestamp,
}

/// Whether evidence must be there. Evidence that is there must hold in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Need {
    /// As the signer's kind wants it: of an identity whose trusted root lists such a service, not of a key.
    #[default]
    BySigner,
    /// In any case.
    Always,
    /// Not at all.
    Never,
}

/// What was withdrawn, whoever signed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Attestations by digest: that of the bundle or envelope as it is stored or, which no copy can change, that of the
    /// statement that was signed.
    pub attestations: BTreeSet<Digest>,
    /// Places in a transparency log.
    pub log_indexes: BTreeSet<u64>,
    /// Certificates, by the SHA-256 digest of their DER.
    pub certificates: BTreeSet<Digest>,
}

/// When something was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Somebody trusted says so.
    Verified {
        /// At the latest then: the signature was there.
        at: Timestamp,
        /// Who says so.
        source: TimeSource,
        /// Not before then, because the certificate did not exist. A key's signature may be as old as the key: whoever
        /// has it can have it stamped again today.
        not_before: Option<Timestamp>,
    },
    /// Nobody trusted says anything.
    Unverified,
}

/// Who says when something was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeSource {
    /// A time stamp authority.
    TimestampAuthority,
    /// A transparency log's promise.
    Log,
}

impl Time {
    /// The time, if somebody trusted says so.
    pub fn verified(self) -> Option<Timestamp> {
        match self {
            Self::Verified { at, .. } => Some(at),
            Self::Unverified => None,
        }
    }
}

impl fmt::Display for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimestampAuthority => "a time stamp authority",
            Self::Log => "a transparency log",
        })
    }
}

/// A place in a transparency log that is proven to hold the signature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// The log, by its identifier in hex.
    pub log: String,
    /// The place.
    pub index: u64,
}

/// Something that was signed by somebody who is trusted, and what was checked of it. Made here alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signers: Vec<Signer>,
    time: Time,
    places: Vec<LogPlace>,
    digest: Digest,
    signatures: BTreeSet<Digest>,
    checks: Vec<Check>,
}

impl<T> Verified<T> {
    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What was signed, without the rest.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Who signed it: each trusted signer once, one at least.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// When it was signed.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Where transparency logs have it.
    pub fn log_places(&self) -> &[LogPlace] {
        &self.places
    }

    /// The digest of bundle or envelope as it was found.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What the signatures are known by: the same for every copy, whatever became of its wrapping and its time since.
    pub fn signatures(&self) -> &BTreeSet<Digest> {
        &self.signatures
    }

    /// What was checked and what was not, in the order in which it was done.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

/// Attestations that do not count, by their places among the candidates, and why.
pub type Refused = Vec<(usize, Refusal)>;

/// Verifies one attestation.
pub fn verify(signed: &Signed, demand: &Demand, limits: &Limits) -> Result<Verified<Statement>, Refusal> {
    verify_within(signed, demand, limits, &mut Work::new(limits))
}

/// Verifies one of several attestations, which together may ask for so much work. What asks for more is refused with
/// [`Reason::Limit`]: it was not judged.
pub fn verify_within(
    signed: &Signed,
    demand: &Demand,
    limits: &Limits,
    work: &mut Work,
) -> Result<Verified<Statement>, Refusal> {
    judge(signed, demand, limits, work, |_| {})
}

/// Those of several attestations that count, and why the others do not, by their place. Something must count.
///
/// An attestation that does not count never hides one that does, and none at all is no success.
pub fn verify_any<'a>(
    candidates: impl IntoIterator<Item = &'a Signed>,
    demand: &Demand,
    limits: &Limits,
) -> Result<(Vec<Verified<Statement>>, Refused), Refused> {
    let mut verified = Vec::new();
    let mut refused = Vec::new();
    let mut work = Work::new(limits);
    for (place, signed) in candidates.into_iter().enumerate() {
        match verify_within(signed, demand, limits, &mut work) {
            Ok(attestation) => verified.push(attestation),
            Err(refusal) => refused.push((place, refusal)),
        }
    }
    if verified.is_empty() { Err(refused) } else { Ok((verified, refused)) }
}

/// An attestation whose signature is one over what it says. Nothing is known yet of whose it is.
struct Opened {
    digest: Digest,
    bundle: Bundle,
    message: PreAuth,
    candidates: Candidates,
    statement: Result<Statement, StatementError>,
}

/// Verifies one, and shows it to `witness` once its signature holds, whatever becomes of it then.
fn judge(
    signed: &Signed,
    demand: &Demand,
    limits: &Limits,
    work: &mut Work,
    witness: impl FnOnce(&Opened),
) -> Result<Verified<Statement>, Refusal> {
    let mut record = Record::default();
    let judged = open(signed, demand, limits, work, &mut record).and_then(|opened| {
        witness(&opened);
        conclude(opened, demand, &mut record)
    });
    match judged {
        Ok(verified) => Ok(Verified { checks: record.into_checks(), ..verified }),
        Err(failure) => Err(record.refuse(failure)),
    }
}

fn open(
    signed: &Signed,
    demand: &Demand,
    limits: &Limits,
    work: &mut Work,
    record: &mut Record,
) -> Result<Opened, Failure> {
    let (digest, mut bundle) = evidence::read(signed, demand, limits)?;
    let Content::Envelope(envelope) = &bundle.content else {
        return Err(Failure::new(
            Reason::Unsupported,
            "it signs something that is not in it, and states nothing",
        ));
    };
    record.passed("format");
    if envelope.payload_type != IN_TOTO {
        let found: String = envelope.payload_type.chars().take(160).collect();
        return Err(Failure::new(Reason::PayloadType, format!("the payload is {found:?}, not {IN_TOTO:?}")));
    }
    record.passed("payload-type");
    let message = envelope.pre_auth();
    let candidates = signer::of_signatures(&bundle, message.as_bytes(), demand, work)?;
    record.passed("signature");
    let statement = Statement::read(take_payload(&mut bundle), limits);
    if let Ok(statement) = &statement {
        // The verifier of some log entries wants the envelope whole.
        restore_payload(&mut bundle, statement);
    }
    Ok(Opened { digest, bundle, message, candidates, statement })
}

fn conclude(opened: Opened, demand: &Demand, record: &mut Record) -> Result<Verified<Statement>, Failure> {
    let Opened { digest, bundle, message, candidates, statement } = opened;
    let statement = statement.map_err(|error| unreadable(&error))?;
    record.passed("statement");
    check_content(&statement, demand, record)?;
    let message = sigstore::Message::Bytes(message.as_bytes());
    let Authenticated { signers, time, places } =
        signer::authenticate(&bundle, candidates, message, demand, record)?;
    let signatures = replay::signatures(&bundle);
    Ok(Verified { value: statement, signers, time, places, digest, signatures, checks: Vec::new() })
}

fn unreadable(error: &StatementError) -> Failure {
    let reason = if matches!(error, StatementError::Limit(_)) { Reason::Limit } else { Reason::BadStatement };
    Failure::new(reason, error)
}

/// What the statement says of itself: about what, of what kind, and that it was not withdrawn.
fn check_content(statement: &Statement, demand: &Demand, record: &mut Record) -> Result<(), Failure> {
    if !statement.is_about(&demand.subject) {
        let message = format!("it is not about {}, but about {}", demand.subject, named(statement));
        return Err(Failure::new(Reason::SubjectMismatch, message));
    }
    record.passed("subject");
    match &demand.predicate {
        Some(wanted) if !wanted.matches(statement.predicate_type()) => {
            let found: String = statement.predicate_type().uri().chars().take(160).collect();
            return Err(Failure::new(
                Reason::WrongType,
                format!("it says {found:?}, not {:?}", wanted.uri()),
            ));
        }
        Some(_) => record.passed("predicate-type"),
        None => record.not_run("predicate-type", "any type is accepted"),
    }
    // Where nothing is withdrawn, a large statement need not be hashed to know that.
    let revoked = &demand.revoked.attestations;
    if !revoked.is_empty() && revoked.contains(&statement.digest()) {
        return Err(Failure::new(
            Reason::Revoked,
            format!("the statement {} was withdrawn", statement.digest()),
        ));
    }
    Ok(())
}

/// The first subjects of a statement, for a message.
fn named(statement: &Statement) -> String {
    let subjects = statement.subjects();
    let digests = subjects.iter().flat_map(|subject| &subject.digests);
    let mut shown: Vec<_> = digests
        .take(3)
        .map(|(algorithm, value)| {
            format!(
                "{}:{}",
                algorithm.chars().take(16).collect::<String>(),
                value.chars().take(128).collect::<String>()
            )
        })
        .collect();
    if subjects.len() > shown.len() {
        shown.push(format!("{} more", subjects.len() - shown.len()));
    }
    shown.join(", ")
}

/// The payload goes into the statement without a copy.
fn take_payload(bundle: &mut Bundle) -> Vec<u8> {
    match &mut bundle.content {
        Content::Envelope(Envelope { payload, .. }) => std::mem::take(payload),
        Content::Message { .. } => Vec::new(),
    }
}

fn restore_payload(bundle: &mut Bundle, statement: &Statement) {
    if let Content::Envelope(Envelope { payload, .. }) = &mut bundle.content
        && !bundle.log_entries.iter().all(log::is_tiled)
    {
        statement.payload().clone_into(payload);
    }
}
