//! Between a policy and verification: which trust the signers of a policy stand for, and what was verified for them
//! as evidence.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Policy,
    facts::{Attestation, Refusal, SignedBy, Subject},
    model::{Identity, Signer, Source},
    reason::Reason,
};
use crate::{
    attest::{
        identity::SubjectPattern,
        key::PublicKey,
        statement::Statement,
        trust::{IdentityTrust, KeyTrust, Root, Trust, Window},
        verify::{self, SignerId, Verified},
    },
    digest::Digest,
    timestamp::Timestamp,
};

/// Gives the content of what a policy names: a file relative to it, or a variable of the environment.
pub type Open<'a> = dyn FnMut(&Source) -> Result<Vec<u8>, String> + 'a;

/// The signers of a policy whose statements about an image count, in one order with what they are trusted by.
#[derive(Debug, Clone)]
pub struct Signers {
    names: Vec<String>,
    trust: Vec<Trust>,
}

/// What a signer of a policy is trusted by cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signer {signer}: {fault}")]
pub struct SignerError {
    /// The name in the policy.
    pub signer: String,
    /// What is wrong.
    #[source]
    pub fault: SignerFault,
}

/// What is wrong with what a signer is trusted by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerFault {
    /// It cannot be read.
    #[error("{what} cannot be read: {problem}")]
    Unreadable {
        /// Which part.
        what: &'static str,
        /// Why.
        problem: String,
    },
    /// It is no public key.
    #[error("no public key: {0}")]
    Key(String),
    /// It is no trusted root.
    #[error("no trusted root: {0}")]
    Root(String),
}

impl Policy {
    /// What the signers whose statements about `subject` count are trusted by. `open` reads what is named.
    ///
    /// Spans and revocations of the policy are not part of it: [`evaluate`](super::evaluate()) applies them, and says so.
    pub fn trust(&self, subject: &Subject, open: &mut Open<'_>) -> Result<Signers, SignerError> {
        let mut signers = Signers { names: Vec::new(), trust: Vec::new() };
        for (name, signer) in self.signers_for(subject) {
            let trust = signer.trust(open).map_err(|fault| SignerError { signer: name.to_owned(), fault })?;
            signers.names.push(name.to_owned());
            signers.trust.push(trust);
        }
        Ok(signers)
    }
}

impl Signer {
    fn trust(&self, open: &mut Open<'_>) -> Result<Trust, SignerFault> {
        match &self.identity {
            Identity::Key { key, trusted_root } => {
                let pem = content(key, "the key", open)?;
                let key = PublicKey::from_pem(&pem).map_err(|error| SignerFault::Key(error.to_string()))?;
                let root = trusted_root.as_ref().map(|source| root(source, open)).transpose()?;
                Ok(Trust::Key(KeyTrust { key, window: Window::default(), root }))
            }
            Identity::Certificate { issuer, subject, trusted_root, claims } => {
                let root = match trusted_root {
                    Some(source) => root(source, open)?,
                    None => Arc::new(Root::embedded().map_err(|error| SignerFault::Root(error.to_string()))?),
                };
                Ok(Trust::Identity(IdentityTrust {
                    issuer: issuer.clone(),
                    subject: SubjectPattern::new(subject.clone()),
                    claims: claims.clone(),
                    window: Window::default(),
                    root,
                }))
            }
        }
    }
}

fn content(source: &Source, what: &'static str, open: &mut Open<'_>) -> Result<Vec<u8>, SignerFault> {
    match source {
        Source::Inline(text) => Ok(text.clone().into_bytes()),
        named => open(named).map_err(|problem| SignerFault::Unreadable { what, problem }),
    }
}

fn root(source: &Source, open: &mut Open<'_>) -> Result<Arc<Root>, SignerFault> {
    let json = content(source, "the trusted root", open)?;
    Root::from_json(&json, None).map(Arc::new).map_err(|error| SignerFault::Root(error.to_string()))
}

impl Signers {
    /// What a [`Demand`](verify::Demand) must have as its signers, in this order.
    pub fn trust(&self) -> &[Trust] {
        &self.trust
    }

    /// What was verified for [`Self::trust`], as evidence. `claimed` is when it was made by the word of whatever carried it.
    pub fn attestation(&self, verified: &Verified<Statement>, claimed: Option<Timestamp>) -> Attestation {
        let statement = verified.value();
        let mut signers = BTreeSet::new();
        let mut certificates = BTreeSet::new();
        for signer in verified.signers() {
            let identity = match &signer.id {
                SignerId::Key { fingerprint } => fingerprint.to_string(),
                SignerId::Identity { issuer, subject, certificate, .. } => {
                    certificates.insert(certificate.clone());
                    format!("{issuer} {subject}")
                }
            };
            let names = signer.trusted_as.iter().filter_map(|place| self.names.get(*place));
            signers.extend(names.map(|name| SignedBy { name: name.clone(), identity: identity.clone() }));
        }
        Attestation {
            digest: verified.digest().clone(),
            statement: statement.digest(),
            subjects: subjects(statement),
            predicate_type: statement.predicate_type().clone(),
            predicate: statement.predicate().to_vec(),
            signers: signers.into_iter().collect(),
            verified_time: verified.time().verified(),
            claimed_time: claimed,
            log_indexes: verified.log_places().iter().map(|place| place.index).collect(),
            certificates,
        }
    }
}

impl Refusal {
    /// What verification refused; `digest` and `hint` are what was found, which nothing vouches for.
    pub fn of(
        refusal: &verify::Refusal,
        digest: Option<Digest>,
        hint: Option<crate::attest::predicate::PredicateType>,
    ) -> Self {
        let reason = Reason::of(refusal.reason.code());
        Self { digest, predicate_type: hint, reason, message: refusal.message.clone() }
    }
}

/// The digests of all subjects, by the algorithms that images have.
fn subjects(statement: &Statement) -> BTreeSet<Digest> {
    let digests = statement.subjects().iter().flat_map(|subject| &subject.digests);
    digests.filter_map(|(algorithm, hex)| format!("{algorithm}:{hex}").parse().ok()).collect()
}
