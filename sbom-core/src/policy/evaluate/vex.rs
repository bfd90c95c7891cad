//! What allowed signers say about whether a vulnerability affects the image. Source: the `OpenVEX` specification 0.2.0.

use serde::Deserialize;

use super::{Judge, deny::Hit, requirement::is_future, select::Candidate};
use crate::{
    attest::predicate::{Family, PredicateType},
    policy::{
        facts::{Attestation, Manifest, Subject},
        model::VulnRule,
        reason::Reason,
        verdict::{Detail, Outcome},
    },
    purl::Purl,
    timestamp::Timestamp,
};

/// What allowed signers say about the image, read once.
#[derive(Debug, Default)]
pub(super) struct Documents<'a> {
    read: Vec<(Candidate<'a>, Result<Document, serde_json::Error>)>,
    /// The same of those that clear nothing, since not all is proven of them that is demanded.
    against: Vec<(Candidate<'a>, Result<Document, serde_json::Error>)>,
    /// Why there may be more.
    doubt: Option<(Reason, String)>,
}

/// What of it is about one platform.
#[derive(Debug)]
pub(super) struct Vex<'d> {
    subject: &'d Subject,
    manifest: &'d Manifest,
    statements: Vec<(Option<Timestamp>, &'d Statement)>,
    /// Documents that cannot be read.
    unread: Vec<Detail>,
    /// Why there may be words that are not known here, and newer.
    doubt: Option<(Reason, String)>,
}

/// What is said of a vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// Nothing, or that it matters.
    Stands,
    /// That it does not matter.
    Cleared,
    /// The same, where a newer word may not have been seen, for this reason.
    Doubtful(&'a Reason, &'a str),
}

impl<'a> Judge<'a> {
    /// What the signers that a rule allows say about this image.
    pub(super) fn vex(&self, rule: &'a VulnRule) -> Documents<'a> {
        if rule.vex.is_empty() {
            return Documents::default();
        }
        let is_wanted = |attestation: &Attestation| is_vex(&attestation.predicate_type);
        let read = |attestations: &[&'a Attestation]| {
            let (candidates, _) = self.candidates_of(attestations, &rule.vex, false, &is_wanted);
            let read = |candidate: Candidate<'a>| {
                (candidate, serde_json::from_slice::<Document>(&candidate.attestation.predicate))
            };
            candidates.into_iter().map(read).collect()
        };
        let doubt = self.incomplete(is_vex);
        Documents { read: read(&self.attestations), against: read(&self.against), doubt }
    }
}

impl<'d> Vex<'d> {
    /// What is about a platform: by its own digest, or by the index and none of its platforms.
    pub(super) fn of<'a: 'd>(
        judge: &Judge<'a>,
        documents: &'d Documents<'_>,
        manifest: &'d Manifest,
    ) -> Self {
        let (subject, doubt) = (judge.subject, documents.doubt.clone());
        let mut vex = Self { subject, manifest, statements: Vec::new(), unread: Vec::new(), doubt };
        let about = |candidate: &Candidate<'_>| judge.speaks_of(candidate.attestation, manifest);
        let proven = documents.read.iter().map(|read| (true, read));
        let all = proven.chain(documents.against.iter().map(|read| (false, read)));
        for (may_clear, (candidate, document)) in all.filter(|(_, (candidate, _))| about(candidate)) {
            match document {
                Ok(document) => vex.add(document, may_clear, judge.now),
                Err(error) => {
                    let about = candidate.attestation.digest.to_string();
                    let message = format!("by {}: no OpenVEX document: {error}", candidate.signer);
                    vex.doubt.get_or_insert_with(|| (Reason::UNREADABLE, message.clone()));
                    vex.unread.push(Detail { about, reason: Reason::UNREADABLE, message });
                }
            }
        }
        vex
    }

    /// The documents that cannot be read. What they would clear is not cleared.
    pub(super) fn unread(&self) -> impl Iterator<Item = Hit> {
        self.unread.iter().map(|detail| Hit { outcome: Outcome::Pass, detail: detail.clone() })
    }

    fn add(&mut self, document: &'d Document, may_clear: bool, now: Timestamp) {
        for statement in document.statements.iter().filter(|statement| may_clear || !statement.clears()) {
            let time = statement.timestamp.as_ref().or(document.timestamp.as_ref());
            let time = time.and_then(|time| time.parse::<Timestamp>().ok());
            // Of a time to come it is not known when it was said.
            self.statements.push((time.filter(|time| !is_future(*time, now)), statement));
        }
    }

    /// The latest word on a vulnerability. Of words of the same time the worst one counts; one of which nobody knows the time
    /// may be the latest.
    pub(super) fn on(&self, id: &str, package: Option<&Purl>) -> Word<'_> {
        let is_concerned =
            |statement: &Statement| statement.vulnerability.is(id) && statement.concerns(package, self);
        let concerned = || self.statements.iter().filter(|(_, statement)| is_concerned(statement));
        let newest = concerned().filter_map(|(time, _)| *time).max();
        let mut latest = concerned().filter(|(time, _)| time.is_none() || *time == newest).peekable();
        let is_cleared = latest.peek().is_some() && latest.all(|(_, statement)| statement.clears());
        match (&self.doubt, is_cleared) {
            (_, false) => Word::Stands,
            (None, true) => Word::Cleared,
            (Some((reason, why)), true) => Word::Doubtful(reason, why),
        }
    }
}

impl Vex<'_> {
    /// Whether a product is the platform's image or the index: `pkg:oci/NAME@sha256:…`, a digest, or the image as it was asked
    /// for.
    fn is_image(&self, id: &str) -> bool {
        let of_image =
            |id: &str| [&self.subject.digest, &self.manifest.digest].iter().any(|it| it.to_string() == id);
        if id == self.subject.name || of_image(id) {
            return true;
        }
        let Some(purl) = id.parse::<Purl>().ok().filter(|purl| purl.kind() == "oci") else { return false };
        if let Some(version) = purl.get_version() {
            return of_image(version);
        }
        let repository = self.subject.repository.as_deref().unwrap_or_default();
        let same_name = repository.rsplit('/').next() == Some(purl.name());
        same_name && purl.get_qualifier("repository_url").is_none_or(|url| url == repository)
    }
}

fn is_vex(kind: &PredicateType) -> bool {
    kind.family() == Some(Family::OpenVex)
}

#[derive(Debug, Deserialize)]
struct Document {
    timestamp: Option<String>,
    statements: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    timestamp: Option<String>,
    #[serde(default)]
    products: Vec<Product>,
    status: String,
    justification: Option<String>,
    #[serde(rename = "impact_statement")]
    impact: Option<String>,
}

/// A name alone before `OpenVEX` 0.2.0.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Named {
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Product {
    Id(String),
    Component {
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        subcomponents: Vec<Subcomponent>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Subcomponent {
    Id(String),
    Component {
        #[serde(rename = "@id")]
        id: Option<String>,
    },
}

impl Vulnerability {
    fn is(&self, id: &str) -> bool {
        match self {
            Self::Name(name) => name == id,
            Self::Named { name, aliases } => name == id || aliases.iter().any(|alias| alias == id),
        }
    }
}

impl Statement {
    /// Whether it says that the vulnerability does not matter. That something is not affected has to be justified.
    fn clears(&self) -> bool {
        let said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        match self.status.as_str() {
            "fixed" => true,
            "not_affected" => said(&self.justification) || said(&self.impact),
            _ => false,
        }
    }

    /// Whether it is about the package in the image. Without products it is about what it is attested for.
    fn concerns(&self, package: Option<&Purl>, vex: &Vex<'_>) -> bool {
        self.products.is_empty() || self.products.iter().any(|product| product.is(package, vex))
    }
}

impl Product {
    fn is(&self, package: Option<&Purl>, vex: &Vex<'_>) -> bool {
        match self {
            Self::Id(id) => vex.is_image(id) || is_package(id, package),
            Self::Component { id, subcomponents } => {
                let id = id.as_deref().unwrap_or_default();
                let of_image = vex.is_image(id);
                let named = |part: &Subcomponent| match part {
                    Subcomponent::Id(id) => is_package(id, package),
                    Subcomponent::Component { id } => is_package(id.as_deref().unwrap_or_default(), package),
                };
                (of_image && (subcomponents.is_empty() || subcomponents.iter().any(named)))
                    || (subcomponents.is_empty() && is_package(id, package))
            }
        }
    }
}

/// The same package; where the product has a version, in that version.
fn is_package(id: &str, package: Option<&Purl>) -> bool {
    let (Ok(product), Some(package)) = (id.parse::<Purl>(), package) else { return false };
    product.kind() == package.kind()
        && product.namespace_segments() == package.namespace_segments()
        && product.name() == package.name()
        && product.get_version().is_none_or(|version| package.get_version() == Some(version))
        && product.qualifiers().all(|(key, value)| package.get_qualifier(key) == Some(value))
}
