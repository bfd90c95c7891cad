//! `sbomctl verify --policy`: gathers what a policy needs to know of images, and lets it judge.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::anyhow;
use sbom_core::{
    attach::{self, Found, Spending, Stopwatch, Wanted},
    attest::{
        predicate::PredicateType,
        trust::Trust,
        verify::{Demand, Revoked},
    },
    digest::Digest,
    limits::Limits,
    oci::{Image as ImageFacts, SubjectKind, reference::Reference},
    policy::{
        self, Decision, Evidence, Policy, Reason, Signers, Subject,
        facts::{self, BaseImage, Manifest},
        model::BaseRule,
    },
    source::{ImageSource, Member, Source as _},
    timestamp::Timestamp,
};
use serde::Deserialize;

use super::{
    Verdict, VerifyArgs,
    hearing::{Candidate, Hearing},
    withdrawn::Bound,
};
use crate::{
    args::RegistryArgs,
    bill::BillMaker,
    environment::Environment,
    exit_code::{Exit, Failure},
    place::Image,
    terminal::{Terminal, messages},
};

/// What the gate needs for every image.
pub(super) struct Gate<'a> {
    pub(super) arguments: &'a VerifyArgs,
    pub(super) environment: &'a Environment,
    pub(super) terminal: &'a Terminal,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
    pub(super) policy: &'a Policy,
    /// The policy's file: what it names lies beside it.
    pub(super) file: &'a Path,
}

impl Gate<'_> {
    /// What the policy says of an image, and the digests of the attestations that it heard.
    pub(super) fn judge(&self, image: &Image) -> Result<(policy::Verdict, BTreeSet<Digest>), Failure> {
        let sources = image.sources(None, self.limits)?;
        let members = image.members(self.limits)?;
        let named = self.name_of(image)?;
        let mut subject = subject(image, named, &sources, members);
        let trusted = self.trusted(&subject)?;
        let mut evidence = self.evidence(image, &subject, &trusted);
        if self.policy.asks_for_rescan(&subject) {
            let maker = self.arguments.bill.prepare(self.environment)?;
            rescan(&sources, &maker, self.terminal, &mut evidence)?;
        }
        self.look_up_bases(image, &mut subject);
        let verdict = policy::evaluate(self.policy, &subject, &evidence, self.now, self.limits);
        Ok((verdict, evidence.attestations.into_iter().map(|attestation| attestation.digest).collect()))
    }

    /// By which name the policy's rules know an image.
    fn name_of<'i>(&'i self, image: &'i Image) -> Result<Option<&'i Reference>, Failure> {
        let Some(named) = &self.arguments.named else { return Ok(image.reference.as_ref()) };
        let root = &image.root.digest;
        if named.digest().is_some_and(|digest| digest != root) {
            return Err(Failure::usage(anyhow!("--as {named}: {} is another image, {root}", image.given)));
        }
        Ok(Some(named))
    }

    /// The verdict on an image that could not be looked at.
    pub(super) fn undecided(&self, given: &str, failure: &Failure) -> policy::Verdict {
        policy::Verdict {
            image: given.to_owned(),
            digest: String::new(),
            decision: Decision::Undecided,
            reason: if failure.exit == Exit::BadInput { Reason::UNREADABLE } else { Reason::REGISTRY },
            message: messages(&failure.source),
            policy: self.policy.digest.to_string(),
            time: self.now.to_string(),
            rules: Vec::new(),
            exceptions: Vec::new(),
        }
    }

    /// What the signers are trusted by whose statements about the image count.
    fn trusted(&self, subject: &Subject) -> Result<Signers, Failure> {
        let mut open = |source: &policy::model::Source| crate::policy::open(self.file, source);
        let signers = self
            .policy
            .trust(subject, &mut open)
            .map_err(|error| Failure::usage(anyhow!("{}: {error}", self.file.display())))?;
        for trust in signers.trust() {
            let root = match trust {
                Trust::Key(trust) => trust.root.as_ref(),
                Trust::Identity(trust) => Some(&trust.root),
            };
            for warning in root.into_iter().flat_map(|root| root.warnings(self.now)) {
                self.terminal.warn(format_args!("{warning}"));
            }
        }
        Ok(signers)
    }

    /// All that is said of the image and of each of its platforms, verified.
    fn evidence(&self, image: &Image, subject: &Subject, trusted: &Signers) -> Evidence {
        let mut evidence = Evidence::default();
        let mut spending = Spending::new(self.limits, Box::new(Stopwatch::default()));
        let digests: BTreeSet<Digest> = subject.digests().cloned().collect();
        let mut beside: Vec<(&Digest, Vec<Candidate>)> = Vec::new();
        for digest in &digests {
            let wanted = Wanted { subject: digest, index: image.index(), likely: &[] };
            let found = attach::find(&*image.store, wanted, &mut spending);
            take_down_incomplete(&found, digest, &mut evidence);
            beside.push((digest, found.attestations.into_iter().filter_map(Candidate::of).collect()));
        }
        let mut hearing = Hearing::new(digests.clone());
        for (digest, candidates) in &beside {
            let demand = Demand {
                subject: (*digest).clone(),
                predicate: None,
                signers: trusted.trust().to_vec(),
                log: self.arguments.trust.log(),
                time: self.arguments.trust.time(),
                revoked: Revoked::default(),
                now: self.now,
            };
            hearing.add(demand, candidates);
        }
        let (heard, withdrawn) = hearing.end(self.limits);
        for ((digest, candidates), heard) in beside.iter().zip(heard) {
            let mut verdict = Verdict::new(&subject.name, (*digest).clone(), None);
            heard.tell(&withdrawn, Bound::ItsSigner, &mut verdict);
            take_down(verdict, digest, trusted, candidates, &mut evidence);
        }
        for what in withdrawn.unread() {
            evidence.incomplete.push(withdrawal_unknown(what.clone()));
        }
        evidence
    }

    /// When the images were made that these ones say they are built on, where a rule asks for it and they can be asked.
    fn look_up_bases(&self, image: &Image, subject: &mut Subject) {
        if self.arguments.offline {
            return;
        }
        let rules: Vec<BaseRule> = self
            .policy
            .rules_for(subject)
            .filter_map(|(_, rule)| rule.base.clone().filter(|base| base.max_age.is_some()))
            .collect();
        for manifest in &mut subject.manifests {
            // Who made the image wrote that. What the policy does not allow anyway is not asked for.
            let Some(pinned) = rules.iter().find_map(|rule| rule.may_be_asked(&manifest.base)) else {
                continue;
            };
            let base = format!("registry:{pinned}");
            let registry = self.registry_of_base(image, &pinned);
            let opened = Image::open(&base, &registry, self.environment, self.limits)
                .and_then(|image| image.sources(Some(&manifest.platform), self.limits));
            match opened {
                Ok(sources) => {
                    let facts = sources.iter().find_map(facts_of);
                    manifest.base.created = facts.and_then(|facts| facts.created.as_deref()?.parse().ok());
                }
                Err(failure) => tracing::info!("the base image {base}: {}", failure.source),
            }
        }
    }

    /// How to ask for the image `base`. Whoever made `image` chose where that lies: the user's own name and password are
    /// for the registry that the user named.
    fn registry_of_base(&self, image: &Image, base: &str) -> RegistryArgs {
        let host = |reference: &Reference| reference.repository().host().to_owned();
        let named = image.reference.as_ref().map(host);
        let is_named = named.is_some() && named == base.parse().ok().as_ref().map(host);
        let given = self.arguments.registry.clone();
        RegistryArgs { username: given.username.filter(|_| is_named), ..given }
    }
}

/// What is known of an image before anybody says something about it. By `reference` the policy's rules know it.
fn subject(
    image: &Image,
    reference: Option<&Reference>,
    sources: &[ImageSource],
    members: Vec<Member>,
) -> Subject {
    let read = sources.iter().filter_map(|source| {
        let facts = facts_of(source)?;
        let label = |name: &str| facts.labels.get(name).filter(|value| !value.is_empty()).cloned();
        Some(Manifest {
            digest: facts.manifest_digest.clone()?,
            // What was read is an image: if it names no platform, it may run on any.
            platform: Some(facts.platform.clone()).filter(|it| !it.is_unknown()).unwrap_or_default(),
            layers: source.subject().layers.iter().filter_map(|layer| layer.diff_id.clone()).collect(),
            base: BaseImage {
                name: label("org.opencontainers.image.base.name"),
                digest: label("org.opencontainers.image.base.digest"),
                created: None,
            },
        })
    });
    let mut manifests: Vec<Manifest> = read.collect();
    // What a machine may choose counts, whether it is read as an image here or not.
    for Member { digest, platform } in members {
        if !manifests.iter().any(|manifest| manifest.digest == digest) {
            manifests.push(Manifest { digest, platform, layers: Vec::new(), base: BaseImage::default() });
        }
    }
    Subject {
        name: image.given.clone(),
        repository: reference.map(|reference| reference.repository().to_string()),
        tag: reference.and_then(|reference| reference.deciding_tag().map(ToString::to_string)),
        digest: image.root.digest.clone(),
        manifests,
    }
}

fn facts_of(source: &ImageSource) -> Option<&ImageFacts> {
    match &source.subject().kind {
        SubjectKind::Image(facts) => Some(facts),
        SubjectKind::Folder | SubjectKind::File(_) => None,
    }
}

fn rescan(
    sources: &[ImageSource],
    maker: &BillMaker,
    terminal: &Terminal,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let bars = terminal.bars();
    for source in sources {
        let Some(digest) = facts_of(source).and_then(|facts| facts.manifest_digest.clone()) else { continue };
        let bom = sbom_core::scan::scan(source, &maker.options, &bars)?;
        let (document, _) = maker.document(bom)?;
        evidence.rescans.insert(digest, document);
    }
    Ok(())
}

/// Takes down what was not looked at beside one digest.
fn take_down_incomplete(found: &Found, subject: &Digest, evidence: &mut Evidence) {
    if found.withdrawals_missed {
        let message = "records that withdraw may be among what was not looked at";
        evidence.incomplete.push(withdrawal_unknown(message.to_owned()));
    }
    for incomplete in &found.incomplete {
        evidence.incomplete.push(facts::Incomplete {
            subject: Some(subject.clone()),
            predicate_type: incomplete.hint().map(PredicateType::new),
            reason: Reason::of(incomplete.code()),
            message: incomplete.to_string(),
        });
    }
}

/// That anything of the image may have been withdrawn: a record binds what lies beside its other digests, too.
fn withdrawal_unknown(message: String) -> facts::Incomplete {
    facts::Incomplete { subject: None, predicate_type: None, reason: Reason::WITHDRAWAL_UNKNOWN, message }
}

/// Takes down what verification said about one digest.
fn take_down(
    verdict: Verdict,
    subject: &Digest,
    trusted: &Signers,
    candidates: &[Candidate],
    evidence: &mut Evidence,
) {
    for unproven in verdict.against {
        let claimed = claimed_time(unproven.value().predicate());
        evidence.against.push(trusted.against(&unproven, claimed));
    }
    for verified in verdict.verified {
        let claimed = claimed_time(verified.value().predicate());
        let attestation = trusted.attestation(&verified, claimed);
        // What lies beside the index and beside an image is one statement. An envelope is the same with and without what
        // vouches for its time.
        match evidence.attestations.iter_mut().find(|known| known.digest == attestation.digest) {
            Some(known) if is_earlier(&attestation, known) => *known = attestation,
            Some(_) => {}
            None => evidence.attestations.push(attestation),
        }
    }
    let hints: BTreeMap<&Digest, &Option<String>> =
        candidates.iter().map(|candidate| (&candidate.digest, &candidate.hint)).collect();
    for (digest, refusal) in verdict.refused {
        evidence.refusals.push(facts::Refusal {
            predicate_type: hints.get(&digest).copied().cloned().flatten().map(PredicateType::new),
            digest: Some(digest),
            reason: Reason::of(refusal.reason.code()),
            message: refusal.message,
        });
    }
    for message in verdict.incomplete {
        evidence.incomplete.push(facts::Incomplete {
            subject: Some(subject.clone()),
            predicate_type: None,
            reason: Reason::LIMIT,
            message,
        });
    }
}

/// Whether the time of one copy is proven and the other's is not, or is a later one.
fn is_earlier(one: &facts::Attestation, other: &facts::Attestation) -> bool {
    one.verified_time.is_some_and(|time| other.verified_time.is_none_or(|known| time < known))
}

/// When a predicate says that it was made, in the places where SPDX, CycloneDX, vulnerability reports, `OpenVEX` and summaries
/// of verifications say it.
fn claimed_time(predicate: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Predicate {
        creation_info: Option<CreationInfo>,
        metadata: Option<Metadata>,
        timestamp: Option<String>,
        #[serde(alias = "time_verified")]
        time_verified: Option<String>,
    }
    #[derive(Deserialize)]
    struct CreationInfo {
        created: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        timestamp: Option<String>,
        scan_finished_on: Option<String>,
    }
    let Predicate { creation_info, metadata, timestamp, time_verified } =
        serde_json::from_slice(predicate).ok()?;
    let of_metadata = metadata.and_then(|metadata| metadata.timestamp.or(metadata.scan_finished_on));
    let said = creation_info.and_then(|info| info.created).or(of_metadata).or(timestamp).or(time_verified);
    said?.parse().ok()
}

/// Fails unless the options suit a policy.
pub(super) fn check(arguments: &VerifyArgs) -> Result<(), Failure> {
    let named = [
        (arguments.predicate.is_some(), "--type"),
        (arguments.trust.names_somebody(), "--key and --certificate-identity"),
        (arguments.trust.insecure_ignore_tlog, "--insecure-ignore-tlog"),
        (arguments.trust.names_root(), "--trusted-root"),
        (arguments.bundle.is_some(), "--bundle"),
        (arguments.all_platforms || arguments.platform.is_some(), "--platform and --all-platforms"),
        (arguments.matches != super::Matches::Off, "--matches"),
    ];
    if arguments.named.is_some() && arguments.subjects.len() > 1 {
        return Err(Failure::usage(anyhow!("--as names one image: give one")));
    }
    match named.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(Failure {
            exit: Exit::Usage,
            source: anyhow!("{option}: with --policy, the policy says this"),
        }),
        None => Ok(()),
    }
}
