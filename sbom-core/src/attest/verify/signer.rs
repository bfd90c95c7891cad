//! Who signed, and whether it is somebody who is trusted.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Demand, LogPlace, Need, Time, TimeSource, Work,
    certificate::{Certificate, is_self_issued},
    log,
    record::{Failure, Reason, Record},
    sigstore::{self, Message, Proven},
};
use crate::{
    attest::{
        bundle::{Bundle, Content, Material, hint_of},
        envelope::Signature,
        identity::{Claim, SubjectName},
        trust::{IdentityTrust, KeyTrust, Root, Trust, Window},
    },
    digest::Digest,
    timestamp::Timestamp,
};

/// A trusted signer of an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Who it is.
    pub id: SignerId,
    /// Which of the demanded signers it is, by their places; one at least.
    pub trusted_as: Vec<usize>,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignerId {
    /// The holder of a key.
    Key {
        /// The SHA-256 digest of its `SubjectPublicKeyInfo`.
        fingerprint: Digest,
    },
    /// Whom a certificate names.
    Identity {
        /// Who vouched for it.
        issuer: String,
        /// Its name.
        subject: SubjectName,
        /// What else the certificate says.
        claims: BTreeMap<Claim, String>,
        /// The SHA-256 digest of the certificate.
        certificate: Digest,
    },
}

/// Who signed, and when, and where it is logged.
pub(super) struct Authenticated {
    pub(super) signers: Vec<Signer>,
    pub(super) time: Time,
    pub(super) places: Vec<LogPlace>,
}

/// Who may have signed, once a signature is known to be one over the message.
pub(super) enum Candidates {
    /// These keys did, by their places among the demanded signers.
    Keys(Vec<usize>),
    /// Whoever has this certificate did.
    Certificate { leaf: Vec<u8>, read: Box<Certificate> },
}

/// Verifies the signatures over the bytes of a message: with the trusted keys, or with that of the certificate, which says
/// nothing yet about whose it is.
pub(super) fn of_signatures(
    bundle: &Bundle,
    message: &[u8],
    demand: &Demand,
    work: &mut Work,
) -> Result<Candidates, Failure> {
    let single;
    let signatures: &[Signature] = match &bundle.content {
        Content::Envelope(envelope) => &envelope.signatures,
        Content::Message { signature, .. } => {
            single = [Signature { keyid: String::new(), sig: signature.clone() }];
            &single
        }
    };
    let evidence = bundle.log_entries.len().saturating_add(bundle.timestamps.len());
    let mut take = |checks: usize, holders: usize| {
        let taken = work.take(checks.saturating_mul(holders), message.len());
        taken.map_err(|error| Failure::new(Reason::Limit, error))
    };
    match &bundle.material {
        Material::Key { hint } => {
            take(signatures.len(), keys(demand).count())?;
            let keys = keys(demand).filter(|(_, trust)| {
                signatures.iter().any(|signature| trust.key.verify(message, &signature.sig).is_ok())
            });
            let found: Vec<_> = keys.map(|(place, _)| place).collect();
            if found.is_empty() {
                return Err(not_by_keys(hint, demand));
            }
            // What logs and time stamp authorities say is verified for each key that signed, and of nobody else's words.
            take(evidence, found.len())?;
            Ok(Candidates::Keys(found))
        }
        Material::Certificates(chain) => {
            // For each deployment whose word counts.
            take(signatures.len().saturating_add(evidence), roots(demand).len())?;
            let candidate = of_certificate(chain, demand)?;
            let Candidates::Certificate { read, .. } = &candidate else { return Ok(candidate) };
            let valid = signatures.iter().any(|signature| read.key.verify(message, &signature.sig).is_ok());
            if valid {
                Ok(candidate)
            } else {
                Err(Failure::new(Reason::BadSignature, "the signature is not one of the certificate's key"))
            }
        }
    }
}

/// The certificate of a bundle, if identities are trusted at all.
pub(super) fn of_certificate(chain: &[Vec<u8>], demand: &Demand) -> Result<Candidates, Failure> {
    if identities(demand).next().is_none() {
        let message = "it is signed with a certificate, and no identity is trusted";
        return Err(Failure::new(Reason::SignerMismatch, message));
    }
    let leaf = chain.first().ok_or_else(|| Failure::new(Reason::Malformed, "there is no certificate"))?;
    let read = Certificate::read(leaf).map_err(|error| Failure::new(Reason::Certificate, error))?;
    if demand.revoked.certificates.contains(&read.fingerprint) {
        return Err(Failure::new(
            Reason::Revoked,
            format!("the certificate {} was withdrawn", read.fingerprint),
        ));
    }
    Ok(Candidates::Certificate { leaf: leaf.clone(), read: Box::new(read) })
}

/// Which of those who may have signed are trusted, given what logs and time stamp authorities say.
pub(super) fn authenticate(
    bundle: &Bundle,
    candidates: Candidates,
    message: Message<'_>,
    demand: &Demand,
    record: &mut Record,
) -> Result<Authenticated, Failure> {
    log::check_shape(bundle)?;
    check_entries(bundle, demand)?;
    let authenticated = match candidates {
        Candidates::Keys(places) => by_keys(bundle, &places, message, demand, record),
        Candidates::Certificate { leaf, read } => by_identity(bundle, &leaf, &read, message, demand, record),
    }?;
    if demand.revoked == super::Revoked::default() {
        record.not_run("revocation", "nothing is listed as withdrawn");
    } else {
        record.passed("revocation");
    }
    Ok(authenticated)
}

/// No place in a log is one that was withdrawn.
pub(super) fn check_entries(bundle: &Bundle, demand: &Demand) -> Result<(), Failure> {
    let withdrawn = bundle.log_entries.iter().find(|entry| demand.revoked.log_indexes.contains(&entry.index));
    match withdrawn {
        Some(entry) => Err(Failure::new(Reason::Revoked, format!("log entry {} was withdrawn", entry.index))),
        None => Ok(()),
    }
}

fn keys(demand: &Demand) -> impl Iterator<Item = (usize, &KeyTrust)> {
    demand.signers.iter().enumerate().filter_map(|(place, trust)| match trust {
        Trust::Key(trust) => Some((place, trust)),
        Trust::Identity(_) => None,
    })
}

fn identities(demand: &Demand) -> impl Iterator<Item = (usize, &IdentityTrust)> {
    demand.signers.iter().enumerate().filter_map(|(place, trust)| match trust {
        Trust::Key(_) => None,
        Trust::Identity(trust) => Some((place, trust)),
    })
}

/// What the identities are trusted by, each once that several share.
fn roots(demand: &Demand) -> Vec<&Arc<Root>> {
    let mut roots: Vec<&Arc<Root>> = Vec::new();
    for (_, trust) in identities(demand) {
        if !roots.iter().any(|root| Arc::ptr_eq(root, &trust.root)) {
            roots.push(&trust.root);
        }
    }
    roots
}

/// Why no key fits. The hint decides nothing but which of two messages is the helpful one.
fn not_by_keys(hint: &str, demand: &Demand) -> Failure {
    if keys(demand).next().is_none() {
        return Failure::new(Reason::SignerMismatch, "it is signed with a key, and no key is trusted");
    }
    if keys(demand).any(|(_, trust)| hint_of(&trust.key) == hint) {
        let message =
            "it says that a trusted key signed it, and the signature is not one of that key over these bytes";
        return Failure::new(Reason::BadSignature, message);
    }
    Failure::new(Reason::SignerMismatch, "none of the trusted keys signed it")
}

/// What was proven is held against what is demanded of one signer.
fn accept(trust: &Trust, time: Time, logged: bool, demand: &Demand) -> Result<(), Failure> {
    let root = match trust {
        Trust::Key(trust) => trust.root.as_deref(),
        Trust::Identity(trust) => Some(trust.root.as_ref()),
    };
    let lists_log =
        matches!(trust, Trust::Identity(_)) && root.is_some_and(|root| !root.listed().tlogs.is_empty());
    let needs_log = demand.log == Need::Always || (demand.log == Need::BySigner && lists_log);
    if needs_log && !logged {
        let message = match root {
            None => "it must be in a transparency log, and there is no trusted root that lists one",
            Some(_) => "no transparency log has it, and one must",
        };
        return Err(Failure::new(Reason::TlogMissing, message));
    }
    if demand.time == Need::Always && time == Time::Unverified {
        return Err(Failure::new(
            Reason::TimeMissing,
            "nobody trusted says when it was signed, and somebody must",
        ));
    }
    check_window(trust.window(), time, demand.now)
}

/// A signer counts at some times only. Where no time is proven it is that of the verification which counts.
fn check_window(window: Window, time: Time, now: Timestamp) -> Result<(), Failure> {
    let at = time.verified().unwrap_or(now);
    if window.contains(at) {
        return Ok(());
    }
    let what = if time == Time::Unverified { "it is verified" } else { "it was signed" };
    Err(Failure::new(Reason::TimeOutside, format!("{what} at {at}, when the signer does not count")))
}

fn by_keys(
    bundle: &Bundle,
    places: &[usize],
    message: Message<'_>,
    demand: &Demand,
    record: &mut Record,
) -> Result<Authenticated, Failure> {
    let mut signers: Vec<Signer> = Vec::new();
    let mut refused = None;
    let mut best = (Time::Unverified, false, Record::default());
    for place in places {
        let Some(trust @ Trust::Key(key)) = demand.signers.get(*place) else { continue };
        let mut steps = Record::default();
        let outcome = evidence_of_key(bundle, key, message, demand, &mut steps)
            .and_then(|(time, logged)| accept(trust, time, logged, demand).map(|()| (time, logged)));
        match outcome {
            Ok((time, logged)) => {
                if signers.is_empty() || (best.0 == Time::Unverified && time != Time::Unverified) {
                    best = (time, logged, steps);
                }
                let id = SignerId::Key { fingerprint: key.key.fingerprint() };
                add(&mut signers, id, *place);
            }
            Err(failure) => refused = refused.or(Some(failure)),
        }
    }
    if signers.is_empty() {
        return Err(refused.unwrap_or_else(|| not_by_keys("", demand)));
    }
    let (time, logged, steps) = best;
    record.extend(steps);
    record.passed("signer");
    Ok(Authenticated { signers, time, places: if logged { log_places(bundle) } else { Vec::new() } })
}

/// One signer counts once, however often it is trusted.
pub(super) fn add(signers: &mut Vec<Signer>, id: SignerId, place: usize) {
    match signers.iter_mut().find(|signer| signer.id == id) {
        Some(signer) => signer.trusted_as.push(place),
        None => signers.push(Signer { id, trusted_as: vec![place] }),
    }
}

/// What logs and time stamp authorities say about a key's signature.
fn evidence_of_key(
    bundle: &Bundle,
    trust: &KeyTrust,
    message: Message<'_>,
    demand: &Demand,
    record: &mut Record,
) -> Result<(Time, bool), Failure> {
    let has_evidence = !bundle.log_entries.is_empty() || !bundle.timestamps.is_empty();
    let Some(root) = trust.root.as_deref().filter(|_| has_evidence) else {
        let why = |none: &str, is_empty| {
            if is_empty { none.to_owned() } else { "there is no trusted root".to_owned() }
        };
        record.not_run("log-inclusion", why("no transparency log has it", bundle.log_entries.is_empty()));
        record.not_run("time", why("nobody says when it was signed", !has_evidence));
        return Ok((Time::Unverified, false));
    };
    let proven = sigstore::key(root, bundle, message, &demand.subject, &trust.key)?;
    let time = time_of(&proven);
    let at = time.verified().unwrap_or(demand.now);
    // Where no log is demanded, an entry that proves nothing is as good as none: anybody could have left it out.
    let is_current = bundle.log_entries.iter().all(|entry| log::is_current(entry, root, at));
    let is_needed = is_current || time != Time::Unverified || demand.log == Need::Always;
    let verifier = log::Verifier::Key(trust.key.spki());
    check_log(bundle, root, message, &verifier, is_needed.then_some(at))?;
    let logged = if is_needed {
        record_log(bundle, &proven, record)
    } else {
        record.not_run(
            "log-inclusion",
            "its log is not a trusted one now, and nobody says that it was at the time of the signature",
        );
        // By its place it may still be withdrawn.
        proven.log
    };
    record_time(time, record);
    Ok((time, logged))
}

/// Which of the trusted identities a certificate is, by what authorities, logs and time stamps say.
pub(super) fn by_identity(
    bundle: &Bundle,
    leaf: &[u8],
    certificate: &Certificate,
    message: Message<'_>,
    demand: &Demand,
    record: &mut Record,
) -> Result<Authenticated, Failure> {
    check_chain(bundle)?;
    let issuer = certificate.issuer.clone().ok_or_else(|| {
        Failure::new(Reason::Certificate, "the certificate does not say who vouched for its subject")
    })?;
    let mut signers = Vec::new();
    let mut refused = None;
    let mut accepted = None;
    for root in roots(demand) {
        let mut steps = Record::default();
        let proven = match evidence_of_identity(bundle, leaf, root, message, demand, &mut steps) {
            Ok(proven) => proven,
            Err(failure) => {
                refused = refused.or(Some(failure));
                continue;
            }
        };
        let (time, logged) = proven;
        for (place, trust) in identities(demand).filter(|(_, trust)| Arc::ptr_eq(root, &trust.root)) {
            let outcome = authorised(certificate, &issuer, trust).and_then(|subject| {
                let trust = demand.signers.get(place).ok_or_else(|| unknown(certificate, &issuer))?;
                accept(trust, time, logged, demand).map(|()| subject)
            });
            match outcome {
                Ok(subject) => {
                    let id = SignerId::Identity {
                        issuer: issuer.clone(),
                        subject,
                        claims: certificate.claims.clone(),
                        certificate: certificate.fingerprint.clone(),
                    };
                    add(&mut signers, id, place);
                    accepted.get_or_insert_with(|| (time, logged, steps.clone()));
                }
                // That the cryptography holds and the signer is a stranger says more than that another root is not the
                // right one.
                Err(failure) => refused = Some(failure),
            }
        }
    }
    let Some((time, logged, steps)) = accepted else {
        return Err(refused.unwrap_or_else(|| unknown(certificate, &issuer)));
    };
    record.extend(steps);
    record.passed("identity");
    record.passed("signer");
    Ok(Authenticated { signers, time, places: if logged { log_places(bundle) } else { Vec::new() } })
}

/// A chain leads towards a root that the verifier has. One that brings its own is none.
fn check_chain(bundle: &Bundle) -> Result<(), Failure> {
    let Material::Certificates(chain) = &bundle.material else { return Ok(()) };
    for certificate in chain.iter().skip(1) {
        if is_self_issued(certificate).map_err(|error| Failure::new(Reason::Certificate, error))? {
            return Err(Failure::new(Reason::Certificate, "the chain of certificates brings its own root"));
        }
    }
    Ok(())
}

fn evidence_of_identity(
    bundle: &Bundle,
    leaf: &[u8],
    root: &Root,
    message: Message<'_>,
    demand: &Demand,
    record: &mut Record,
) -> Result<(Time, bool), Failure> {
    if bundle.log_entries.is_empty() && !root.listed().tlogs.is_empty() && demand.log != Need::Never {
        return Err(Failure::new(Reason::TlogMissing, "no transparency log has it, and one must"));
    }
    let proven = sigstore::certificate(root, bundle, message, &demand.subject)?;
    let time = time_of(&proven);
    let Some(at) = time.verified() else {
        return Err(Failure::new(Reason::TimeMissing, "nobody trusted says when it was signed"));
    };
    check_log(bundle, root, message, &log::Verifier::Certificate(leaf), Some(at))?;
    record.passed("certificate-chain");
    if proven.sct {
        record.passed("certificate-log");
    } else {
        record.not_run("certificate-log", "the trusted root lists no log of certificates");
    }
    let logged = record_log(bundle, &proven, record);
    record_time(time, record);
    Ok((time, logged))
}

/// The entries are about this signature and of trusted logs, which were that at a time if it matters.
fn check_log(
    bundle: &Bundle,
    root: &Root,
    message: Message<'_>,
    verifier: &log::Verifier<'_>,
    time: Option<Timestamp>,
) -> Result<(), Failure> {
    match time {
        Some(time) => log::check_logs(bundle, root, time)?,
        None => log::check_listed(bundle, root)?,
    }
    match message {
        Message::Bytes(bytes) => log::check_leaves(bundle, bytes, verifier),
        Message::Digest(digest) => log::check_leaves_of(bundle, &log::base64_of_hex(digest.hex()), verifier),
    }
}

/// Whether a certificate is that of a trusted identity, and under which of its names.
fn authorised(
    certificate: &Certificate,
    issuer: &str,
    trust: &IdentityTrust,
) -> Result<SubjectName, Failure> {
    let subject = certificate.subjects.iter().find(|subject| trust.subject.matches(subject));
    let (Some(subject), true) = (subject, trust.issuer.matches(issuer)) else {
        return Err(unknown(certificate, issuer));
    };
    for (claim, wanted) in &trust.claims {
        let found = certificate.claims.get(claim);
        if !found.is_some_and(|found| wanted.matches(found)) {
            let found = found.map_or("nothing", String::as_str);
            let message = format!("the certificate's {claim} is {found:?}, not {wanted}");
            return Err(Failure::new(Reason::SignerMismatch, message));
        }
    }
    Ok(subject.clone())
}

fn unknown(certificate: &Certificate, issuer: &str) -> Failure {
    let names: Vec<_> = certificate.subjects.iter().take(4).map(|subject| subject.name.as_str()).collect();
    let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    Failure::new(
        Reason::SignerMismatch,
        format!("it is signed by {names:?} of {issuer:?}, who is not trusted"),
    )
}

/// The earliest of all proven times: whoever has a signature can have it stamped or logged again, and nothing gets younger by
/// that.
fn time_of(proven: &Proven) -> Time {
    let stamped = proven.stamped.map(|at| (at, TimeSource::TimestampAuthority));
    let logged = proven.logged.map(|at| (at, TimeSource::Log));
    match stamped.into_iter().chain(logged).min_by_key(|(at, _)| *at) {
        Some((at, source)) => Time::Verified { at, source, not_before: proven.not_before },
        None => Time::Unverified,
    }
}

fn record_time(time: Time, record: &mut Record) {
    match time {
        Time::Verified { .. } => record.passed("time"),
        Time::Unverified => record.not_run("time", "nobody says when it was signed"),
    }
}

/// Whether logs have it, and what shows it.
fn record_log(bundle: &Bundle, proven: &Proven, record: &mut Record) -> bool {
    let logged = proven.log && !bundle.log_entries.is_empty();
    if !logged {
        record.not_run("log-inclusion", "no transparency log has it");
        return false;
    }
    record.passed("log-entry");
    if bundle.log_entries.iter().all(|entry| entry.proof.is_some()) {
        record.passed("log-inclusion");
    } else {
        record.not_run("log-inclusion", "the log promised to take it up, and no proof is there that it did");
    }
    true
}

fn log_places(bundle: &Bundle) -> Vec<LogPlace> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bundle.log_entries.iter().map(|entry| LogPlace { log: hex(&entry.log_id), index: entry.index }).collect()
}
