//! Cases that a policy is tested with: facts and evidence in a file, and what the gate has to say of them.
//!
//! Nothing in them is signed: a statement names the signer of the policy whom verification would have found. What is
//! tested is the policy, not the verification.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    PolicyErrors, Reason,
    facts::{Attestation, BaseImage, Evidence, Incomplete, Manifest, Refusal, SignedBy, Subject},
    read::{
        PolicyError, PolicyFault,
        fields::{Field, Fields, Reader},
        values::each,
    },
    verdict::{Decision, Verdict},
    yaml::{self, Value},
};
use crate::{
    attest::predicate::PredicateType,
    digest::Digest,
    oci::{Platform, reference::Reference},
    timestamp::Timestamp,
};

const FILE: &[&str] = &["policy", "now", "cases"];
const CASE: &[&str] =
    &["name", "image", "digest", "now", "platforms", "attestations", "refusals", "incomplete", "expect"];
const PLATFORM: &[&str] = &["platform", "digest", "layers", "base"];
const BASE: &[&str] = &["name", "digest", "created"];
const ATTESTATION: &[&str] = &[
    "type",
    "by",
    "identity",
    "at",
    "claimed",
    "about",
    "predicate",
    "file",
    "digest",
    "signature",
    "logIndex",
    "certificate",
];
const REFUSAL: &[&str] = &["reason", "type", "message"];
const INCOMPLETE: &[&str] = &["reason", "type"];
const EXPECT: &[&str] = &["decision", "reasons"];

const DECISIONS: &[(&str, Decision)] = &[
    ("allow", Decision::Allow),
    ("warn", Decision::Warn),
    ("undecided", Decision::Undecided),
    ("deny", Decision::Deny),
];

/// A file of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixture {
    /// The policy that they are for, as a file name relative to this one.
    pub policy: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// An image, what is known of it, and what the gate has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// The line where it begins.
    pub line: usize,
    /// The image.
    pub subject: Subject,
    /// What is known of it.
    pub evidence: Evidence,
    /// The time.
    pub now: Timestamp,
    /// What the gate has to say; none in a file that only shows something.
    pub expect: Option<Expectation>,
}

/// What the gate has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The decision.
    pub decision: Decision,
    /// The reasons of all checks that are neither passed nor skipped; none for any.
    pub reasons: Option<BTreeSet<String>>,
}

impl Fixture {
    /// Reads a file of cases; `open` gives the content of a file that it names.
    pub fn parse(
        text: &str,
        open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, PolicyErrors> {
        let error = |place: yaml::Place, fault: PolicyFault| PolicyError {
            line: place.line,
            column: place.column,
            path: String::new(),
            fault,
        };
        let root =
            yaml::parse(text).map_err(|(place, fault)| PolicyErrors(vec![error(place, fault.into())]))?;
        let mut reader = Reader::default();
        let fixture = fixture(&mut reader, &root, open);
        reader.errors.sort_by_key(|error| (error.line, error.column));
        match fixture {
            Some(fixture) if reader.errors.is_empty() => Ok(fixture),
            _ => Err(PolicyErrors(reader.errors)),
        }
    }
}

impl Expectation {
    /// What of a verdict is not as expected.
    pub fn mismatch(&self, verdict: &Verdict) -> Option<String> {
        let mut differences = Vec::new();
        if self.decision != verdict.decision {
            let (expected, found) = (self.decision.name(), verdict.decision.name());
            differences.push(format!("expected {expected}, found {found}: {}", verdict.message));
        }
        let found: BTreeSet<String> = verdict.reasons().map(|reason| reason.code().to_owned()).collect();
        if let Some(expected) = self.reasons.as_ref().filter(|expected| **expected != found) {
            let list = |reasons: &BTreeSet<String>| reasons.iter().cloned().collect::<Vec<_>>().join(", ");
            differences.push(format!("expected the reasons [{}], found [{}]", list(expected), list(&found)));
        }
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}

fn fixture(
    reader: &mut Reader,
    root: &yaml::Node,
    open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Option<Fixture> {
    let fields = reader.map(root, "", FILE)?;
    let policy = fields.required(reader, "policy").and_then(|field| reader.text(&field)).map(str::to_owned);
    let now = fields.required(reader, "now").and_then(|field| time(reader, &field))?;
    let mut cases = Vec::new();
    if let Some(field) = fields.required(reader, "cases") {
        for field in reader.some_of(field) {
            cases.extend(case(reader, &field, now, open));
        }
    }
    Some(Fixture { policy: policy?, cases })
}

fn case(
    reader: &mut Reader,
    field: &Field<'_>,
    now: Timestamp,
    open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Option<Case> {
    let fields = reader.map(field.node, &field.path, CASE)?;
    let name = fields.required(reader, "name").and_then(|field| reader.text(&field)).map(str::to_owned);
    let now = fields.get("now").and_then(|field| time(reader, &field)).unwrap_or(now);
    let subject = subject(reader, &fields)?;
    let mut evidence = Evidence::default();
    for field in fields.get("attestations").map(|field| reader.list(field)).unwrap_or_default() {
        evidence.attestations.extend(attestation(reader, &field, &subject, open));
    }
    for field in fields.get("refusals").map(|field| reader.list(field)).unwrap_or_default() {
        evidence.refusals.extend(refusal(reader, &field));
    }
    for field in fields.get("incomplete").map(|field| reader.list(field)).unwrap_or_default() {
        evidence.incomplete.extend(incomplete(reader, &field));
    }
    let expect = fields.get("expect").and_then(|field| expectation(reader, &field));
    Some(Case { name: name?, line: fields.line(), subject, evidence, now, expect })
}

fn time(reader: &mut Reader, field: &Field<'_>) -> Option<Timestamp> {
    reader.parsed(field, |text| {
        let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        whole.parse::<Timestamp>()
    })
}

fn digest(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<Digest> {
    fields.get(key).and_then(|field| reader.parsed(&field, str::parse))
}

fn text(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.get(key).and_then(|field| reader.text(&field)).map(str::to_owned)
}

/// What has no digest gets that of its name: it stays the same, and nothing else has it.
fn subject(reader: &mut Reader, fields: &Fields<'_>) -> Option<Subject> {
    let image = fields.required(reader, "image")?;
    let reference: Reference = reader.parsed(&image, str::parse)?;
    let name = reader.text(&image)?;
    let of_image = || reference.digest().cloned().unwrap_or_else(|| Digest::of(name.as_bytes()));
    let digest = digest(reader, fields, "digest").unwrap_or_else(of_image);
    let mut subject = Subject::of_reference(name, &reference, digest);
    let platforms = fields.get("platforms").map(|field| reader.list(field)).unwrap_or_default();
    for field in &platforms {
        subject.manifests.extend(manifest(reader, field, &subject.name));
    }
    if platforms.is_empty() {
        let platform =
            Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), ..Platform::default() };
        let digest = subject.digest.clone();
        subject.manifests.push(Manifest { digest, platform, layers: Vec::new(), base: BaseImage::default() });
    }
    Some(subject)
}

fn manifest(reader: &mut Reader, field: &Field<'_>, image: &str) -> Option<Manifest> {
    let of_platform = |platform: &Platform| Digest::of(format!("{image} {platform}").as_bytes());
    if !matches!(field.node.value, Value::Map(_)) {
        let platform: Platform = reader.parsed(field, str::parse)?;
        let digest = of_platform(&platform);
        return Some(Manifest { digest, platform, layers: Vec::new(), base: BaseImage::default() });
    }
    let fields = reader.map(field.node, &field.path, PLATFORM)?;
    let platform = fields.required(reader, "platform")?;
    let platform: Platform = reader.parsed(&platform, str::parse)?;
    let digest = digest(reader, &fields, "digest").unwrap_or_else(|| of_platform(&platform));
    let layers = fields.get("layers").map(|field| each(reader, field, str::parse)).unwrap_or_default();
    let base = fields.get("base").and_then(|field| reader.map(field.node, &field.path, BASE));
    let base = base.map(|fields| BaseImage {
        name: text(reader, &fields, "name"),
        digest: text(reader, &fields, "digest"),
        created: fields.get("created").and_then(|field| time(reader, &field)),
    });
    Some(Manifest { digest, platform, layers, base: base.unwrap_or_default() })
}

fn attestation(
    reader: &mut Reader,
    field: &Field<'_>,
    subject: &Subject,
    open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Option<Attestation> {
    let fields = reader.map(field.node, &field.path, ATTESTATION)?;
    let kind = text(reader, &fields, "type");
    let by = fields.required(reader, "by").and_then(|field| reader.text(&field)).map(str::to_owned)?;
    let identity = text(reader, &fields, "identity").unwrap_or_else(|| by.clone());
    let predicate = predicate(reader, &fields, open)?;
    let verified_time = fields.get("at").and_then(|field| time(reader, &field));
    let predicate_type = type_of(kind.as_deref().unwrap_or("cyclonedx"));
    let subjects = about(reader, &fields, subject);
    // Two of the same content are two statements if they were signed at two times, or about other subjects.
    let seed = format!("{by} {verified_time:?} {subjects:?} {}", Digest::of(&predicate));
    // Of the same content it is the same signature, unless the case says that it was signed again.
    let signature = digest(reader, &fields, "signature").unwrap_or_else(|| Digest::of(identity.as_bytes()));
    Some(Attestation {
        digest: digest(reader, &fields, "digest").unwrap_or_else(|| Digest::of(seed.as_bytes())),
        statement: Digest::of(&predicate),
        subjects,
        predicate_type,
        predicate,
        signatures: BTreeSet::from([signature]),
        signers: vec![SignedBy { name: by, identity }],
        verified_time,
        claimed_time: fields.get("claimed").and_then(|field| time(reader, &field)),
        log_indexes: fields
            .get("logIndex")
            .and_then(|field| reader.parsed(&field, str::parse))
            .into_iter()
            .collect(),
        certificates: digest(reader, &fields, "certificate").into_iter().collect(),
    })
}

/// The type with a short name, or with a URI.
fn type_of(name: &str) -> PredicateType {
    match name {
        "vulns" => PredicateType::new("https://in-toto.io/attestation/vulns/v0.1"),
        name => name.parse().unwrap_or_else(|_unknown| PredicateType::new(name)),
    }
}

fn predicate(
    reader: &mut Reader,
    fields: &Fields<'_>,
    open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Option<Vec<u8>> {
    match (fields.get("predicate"), fields.get("file")) {
        (Some(field), None) => Some(field.node.to_json().to_string().into_bytes()),
        (None, Some(field)) => reader.parsed(&field, open),
        _ => {
            fields.combination(reader, "exactly one of predicate and file must be there");
            None
        }
    }
}

/// The subjects: `image`, platforms, or digests; without any the image and all its platforms.
fn about(reader: &mut Reader, fields: &Fields<'_>, subject: &Subject) -> BTreeSet<Digest> {
    let Some(field) = fields.get("about") else { return subject.digests().cloned().collect() };
    let names: BTreeMap<String, &Digest> = subject
        .manifests
        .iter()
        .map(|manifest| (manifest.platform.to_string(), &manifest.digest))
        .chain([("image".to_owned(), &subject.digest)])
        .collect();
    let digests = each(reader, field, |name| match names.get(name) {
        Some(digest) => Ok((*digest).clone()),
        None => {
            name.parse::<Digest>().map_err(|_error| "expected image, a platform of the case, or a digest")
        }
    });
    digests.into_iter().collect()
}

fn refusal(reader: &mut Reader, field: &Field<'_>) -> Option<Refusal> {
    let fields = reader.map(field.node, &field.path, REFUSAL)?;
    let reason = fields.required(reader, "reason").and_then(|field| reader.text(&field)).map(Reason::of)?;
    let predicate_type = text(reader, &fields, "type").map(|kind| type_of(&kind));
    let message = text(reader, &fields, "message").unwrap_or_default();
    Some(Refusal { digest: None, predicate_type, reason, message })
}

/// A reason, or a reason and the type by which all is called that was not looked at.
fn incomplete(reader: &mut Reader, field: &Field<'_>) -> Option<Incomplete> {
    let (code, kind) = if matches!(field.node.value, Value::Map(_)) {
        let fields = reader.map(field.node, &field.path, INCOMPLETE)?;
        let code = fields.required(reader, "reason").and_then(|field| reader.text(&field))?;
        (code, text(reader, &fields, "type"))
    } else {
        (reader.text(field)?, None)
    };
    Some(Incomplete {
        subject: None,
        predicate_type: kind.map(|kind| type_of(&kind)),
        reason: Reason::of(code),
        message: "the case says so".to_owned(),
    })
}

fn expectation(reader: &mut Reader, field: &Field<'_>) -> Option<Expectation> {
    let fields = reader.map(field.node, &field.path, EXPECT)?;
    let decision = fields.required(reader, "decision").and_then(|field| reader.word(field, DECISIONS));
    let mut reasons = None;
    if let Some(field) = fields.get("reasons") {
        let codes = reader.list(field);
        reasons = Some(codes.iter().filter_map(|field| reader.text(field)).map(str::to_owned).collect());
    }
    Some(Expectation { decision: decision?, reasons })
}
