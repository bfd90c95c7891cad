//! Between a policy and verification: which trust the signers of a policy stand for, and what was verified for them
//! as evidence.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
        verify::{self, SignerId, Unproven, Verified},
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
    /// What the signers are trusted by whose statements about `subject` count. `open` reads what is named.
    ///
    /// Spans and revocations of the policy are not part of it: [`evaluate`](super::evaluate()) applies them, and says so.
    pub fn trust(&self, subject: &Subject, open: &mut Open<'_>) -> Result<Signers, SignerError> {
        Signers::of(self.signers_for(subject), open)
    }

    /// What all signers are trusted by.
    pub fn trust_all(&self, open: &mut Open<'_>) -> Result<Signers, SignerError> {
        Signers::of(self.signers.iter().map(|(name, signer)| (name.as_str(), signer)), open)
    }
}

/// Reads what signers are trusted by. Those with the same root share it: what logs and authorities say is verified once for
/// each root, however many signers there are.
struct Reader<'r, 'o> {
    open: &'r mut Open<'o>,
    /// By where they lie; none is the one that is built in.
    roots: BTreeMap<Option<Source>, Arc<Root>>,
}

impl Reader<'_, '_> {
    fn trust(&mut self, signer: &Signer) -> Result<Trust, SignerFault> {
        match &signer.identity {
            Identity::Key { key, trusted_root } => {
                let pem = self.content(key, "the key")?;
                let key = PublicKey::from_pem(&pem).map_err(|error| SignerFault::Key(error.to_string()))?;
                let root = trusted_root.as_ref().map(|source| self.root(Some(source))).transpose()?;
                Ok(Trust::Key(KeyTrust { key, window: Window::default(), root }))
            }
            Identity::Certificate { issuer, subject, trusted_root, claims } => {
                let root = self.root(trusted_root.as_ref())?;
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

    fn root(&mut self, source: Option<&Source>) -> Result<Arc<Root>, SignerFault> {
        if let Some(known) = self.roots.get(&source.cloned()) {
            return Ok(Arc::clone(known));
        }
        let root = match source {
            Some(source) => Root::from_json(&self.content(source, "the trusted root")?, None),
            None => Root::embedded(),
        };
        let root = Arc::new(root.map_err(|error| SignerFault::Root(error.to_string()))?);
        self.roots.insert(source.cloned(), Arc::clone(&root));
        Ok(root)
    }

    fn content(&mut self, source: &Source, what: &'static str) -> Result<Vec<u8>, SignerFault> {
        match source {
            Source::Inline(text) => Ok(text.clone().into_bytes()),
            named => (self.open)(named).map_err(|problem| SignerFault::Unreadable { what, problem }),
        }
    }
}

impl Signers {
    fn of<'a>(
        named: impl IntoIterator<Item = (&'a str, &'a Signer)>,
        open: &mut Open<'_>,
    ) -> Result<Self, SignerError> {
        let mut signers = Self { names: Vec::new(), trust: Vec::new() };
        let mut reader = Reader { open, roots: BTreeMap::new() };
        for (name, signer) in named {
            let trust =
                reader.trust(signer).map_err(|fault| SignerError { signer: name.to_owned(), fault })?;
            signers.names.push(name.to_owned());
            signers.trust.push(trust);
        }
        Ok(signers)
    }

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
            signatures: verified.signatures().clone(),
            verified_time: verified.time().verified(),
            claimed_time: claimed,
            log_indexes: verified.log_places().iter().map(|place| place.index).collect(),
            certificates,
        }
    }

    /// The same for what may only be held against others: [`Evidence::against`](super::Evidence::against).
    pub fn against(&self, unproven: &Unproven, claimed: Option<Timestamp>) -> Attestation {
        self.attestation(unproven.as_verified(), claimed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attest::{
            Signed, bundle,
            envelope::{Envelope, IN_TOTO, Signature},
            key::{KeyAlgorithm, PrivateKey},
            predicate::Family,
            statement,
            verify::{Demand, Need, Revoked, verify},
        },
        limits::Limits,
        oci::{Platform, reference::Reference},
        policy::{
            Decision, Evidence, Verdict, evaluate,
            facts::{BaseImage, Manifest},
        },
    };

    const POLICY: &str = "version: 1
default: deny
signers:
  ci: {key: ci.pub}
rules:
  - images: ['**']
    require: [{sbom: {by: [ci]}}]
";

    fn subject() -> Subject {
        let reference: Reference = "ghcr.io/acme/app:v1".parse().unwrap();
        let digest = Digest::of(b"image");
        let mut subject = Subject::of_reference("ghcr.io/acme/app:v1", &reference, digest.clone());
        let platform =
            Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), ..Platform::default() };
        subject.manifests.push(Manifest { digest, platform, layers: Vec::new(), base: BaseImage::default() });
        subject
    }

    /// What the gate says of a bill of materials that `key` signed, where the policy trusts `trusted`.
    fn judged(key: &PrivateKey, trusted: &PrivateKey) -> Verdict {
        let subject = subject();
        let sbom = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#;
        let about = [statement::Subject::new("app", &subject.digest)];
        let payload = statement::write(&about, &Family::CycloneDx.into(), sbom).unwrap();
        let mut envelope = Envelope { payload_type: IN_TOTO.to_owned(), payload, signatures: Vec::new() };
        let sig = key.sign(envelope.pre_auth().as_bytes()).unwrap();
        envelope.signatures.push(Signature { keyid: String::new(), sig });
        let signed = Signed::Bundle(bundle::of_key(&envelope, key.public()));
        let policy = Policy::parse(POLICY).unwrap();
        let pem = trusted.public().to_pem();
        let mut open = |source: &Source| match source {
            Source::File(name) if name == "ci.pub" => Ok(pem.clone().into_bytes()),
            other => Err(format!("{other:?}")),
        };
        let signers = policy.trust(&subject, &mut open).unwrap();
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let demand = Demand {
            subject: subject.digest.clone(),
            predicate: None,
            signers: signers.trust().to_vec(),
            log: Need::BySigner,
            time: Need::BySigner,
            revoked: Revoked::default(),
            now,
        };
        let mut evidence = Evidence::default();
        match verify(&signed, &demand, &Limits::default()) {
            Ok(verified) => evidence.attestations.push(signers.attestation(&verified, None)),
            Err(refusal) => evidence.refusals.push(Refusal::of(&refusal, None, None)),
        }
        evaluate(&policy, &subject, &evidence, now, &Limits::default())
    }

    #[test]
    fn signers_that_are_trusted_by_one_root_share_it() {
        let identity = |name: &str, root: &str| {
            format!("  {name}: {{issuer: 'https://issuer.test', subject: 'https://{name}.test'{root}}}\n")
        };
        let text = format!(
            "version: 1\ndefault: deny\nsigners:\n{}{}{}{}  k: {{key: k.pub, trustedRoot: a.json}}\nrules:\n  - images: ['**']\n    require: [{{sbom: {{by: [a, b, c, d, k]}}}}]\n",
            identity("a", ""),
            identity("b", ""),
            identity("c", ", trustedRoot: a.json"),
            identity("d", ", trustedRoot: a.json"),
        );
        let policy = Policy::parse(&text).unwrap();
        let (mut read, key) = (0, PrivateKey::generate(KeyAlgorithm::P256).unwrap());
        let root = sbomctl_testkit::sigstore::Sigstore::new().trusted_root();
        let mut open = |source: &Source| match source {
            Source::File(name) if name == "k.pub" => Ok(key.public().to_pem().into_bytes()),
            _ => {
                read += 1;
                Ok(root.clone().into_bytes())
            }
        };
        let signers = policy.trust_all(&mut open).unwrap();
        let roots: Vec<&Arc<Root>> = signers
            .trust()
            .iter()
            .filter_map(|trust| match trust {
                Trust::Key(trust) => trust.root.as_ref(),
                Trust::Identity(trust) => Some(&trust.root),
            })
            .collect();
        let shared: Vec<bool> = roots.windows(2).map(|pair| Arc::ptr_eq(pair[0], pair[1])).collect();
        assert_eq!(shared, [true, false, true, true]);
        assert_eq!(read, 1);
    }

    #[test]
    fn what_a_signer_of_the_policy_signed_is_allowed_and_what_another_signed_is_not() {
        let ci = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let stranger = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let verdict = judged(&ci, &ci);
        assert_eq!(verdict.decision, Decision::Allow, "{verdict:#?}");
        let verdict = judged(&stranger, &ci);
        assert_eq!(verdict.decision, Decision::Deny, "{verdict:#?}");
        let code = verdict.reason.code();
        assert!(verify::Reason::ALL.iter().any(|reason| reason.code() == code), "{code}");
    }

    #[test]
    fn what_a_signer_is_trusted_by_must_be_there_and_what_it_is_called() {
        let policy = Policy::parse(POLICY).unwrap();
        let with = |content: Result<Vec<u8>, String>| {
            policy.trust_all(&mut |_: &Source| content.clone()).expect_err("no key").fault
        };
        assert!(matches!(with(Err("gone".to_owned())), SignerFault::Unreadable { .. }));
        assert!(matches!(with(Ok(b"no key".to_vec())), SignerFault::Key(_)));
        let identity = POLICY.replace(
            "{key: ci.pub}",
            "{issuer: https://a.example, subject: b@a.example, trustedRoot: r.json}",
        );
        let policy = Policy::parse(&identity).unwrap();
        let error = policy.trust_all(&mut |_: &Source| Ok(b"no root".to_vec())).expect_err("no root");
        assert!(matches!(error.fault, SignerFault::Root(_)), "{error}");
    }
}
