//! Signing in memory: right, or wrong in the ways that a verifier must notice.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    IN_TOTO, Sigstore,
    certificate::{self, Leaf, Promise, Subject},
    entry::{self, Entry},
    hex,
    keys::{Curve, Key, pem},
    sha256,
    timestamp::{Query, stamp},
};

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// An in-toto statement, in an envelope.
    Statement(&'a [u8]),
    /// A payload of a type, in an envelope.
    Payload(&'a str, &'a [u8]),
    /// A file, without an envelope.
    File(&'a [u8]),
}

/// A log, and the form of entries in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RekorApi {
    /// Version 1: `dsse`, or `hashedrekord` for files.
    V1,
    /// Version 1: `intoto`, for envelopes.
    V1InToto,
    /// Version 2, as it is used: `hashedrekord` for all.
    V2,
    /// Version 2: `dsse`, for envelopes.
    V2Dsse,
}

/// Who signs, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The certificate.
    pub leaf: Leaf,
    /// The log.
    pub log: Option<RekorApi>,
    /// When a log of version 1 says that it took the entry in; none is the services' clock.
    pub logged_at: Option<u64>,
    /// Whether there is a time stamp.
    pub stamped: bool,
    /// The time that the stamp says; none is the services' clock.
    pub stamped_at: Option<u64>,
    /// What goes wrong.
    pub flaws: Vec<Flaw>,
}

/// Something that a verifier must notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The certificate comes from an authority of the same name that nobody trusts.
    ForeignAuthority,
    /// The certificate has no promise of the certificate log.
    NoPromise,
    /// The certificate's promise is signed by another key than the log's.
    ForgedPromise,
    /// The certificate's promise is for another certificate.
    PromiseOfAnother,
    /// The signature is of another key than the certificate's.
    OtherKey,
    /// The payload is changed after signing.
    OtherPayload,
    /// The log entry is whole and valid, but of another signature.
    OtherEntry,
    /// The log's entry names another certificate.
    EntryOfAnotherCertificate,
    /// The log's body is changed after it was logged.
    OtherBody,
    /// The checkpoint is signed by another key than the log's.
    ForgedCheckpoint,
    /// The checkpoint is of another tree.
    OtherRoot,
    /// The proof states another root than the checkpoint.
    RootsDiffer,
    /// The checkpoint is of a tree of another size.
    OtherSize,
    /// The entry claims another place in the log.
    OtherIndex,
    /// There is no proof of inclusion.
    NoProof,
    /// There is no promise of the log.
    NoSet,
    /// The log's promise is signed by another key.
    ForgedSet,
    /// The time is changed after the log promised it.
    OtherLoggedTime,
    /// The entry is there twice.
    EntryTwice,
    /// The stamp is over other bytes.
    StampOfAnother,
    /// The stamp comes from an authority of the same name that nobody trusts.
    ForeignStamp,
    /// The stamp's time is changed after it was signed.
    OtherStampedTime,
}

impl Signing {
    /// As Fulcio, a log of version 1 and a time-stamp authority do it.
    pub fn by(subject: Subject, issuer: &str) -> Self {
        Self {
            leaf: Leaf::new(subject, issuer),
            log: Some(RekorApi::V1),
            logged_at: None,
            stamped: true,
            stamped_at: None,
            flaws: Vec::new(),
        }
    }

    /// In this log.
    #[must_use]
    pub fn logged(mut self, log: RekorApi) -> Self {
        self.log = Some(log);
        self
    }

    /// With something wrong.
    #[must_use]
    pub fn with(mut self, flaw: Flaw) -> Self {
        self.flaws.push(flaw);
        self
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaws.contains(&flaw)
    }
}

/// What the services gave, to be written in any form.
#[derive(Debug, Clone)]
pub struct Signed {
    certificate: Vec<u8>,
    authorities: Vec<Vec<u8>>,
    /// `dsseEnvelope` or `messageSignature`, and what it holds.
    content: (&'static str, Value),
    entries: Vec<Entry>,
    without_proof: bool,
    stamp: Option<Vec<u8>>,
}

impl Signed {
    /// A Sigstore bundle of version 0.3.
    pub fn bundle(&self) -> String {
        self.bundle_as(|_| {})
    }

    /// The same after `change`.
    pub fn bundle_as(&self, change: impl FnOnce(&mut Value)) -> String {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                let mut entry = entry.in_bundle();
                if let (true, Some(entry)) = (self.without_proof, entry.as_object_mut()) {
                    entry.remove("inclusionProof");
                }
                entry
            })
            .collect();
        let mut material = json!({
            "certificate": {"rawBytes": STANDARD.encode(&self.certificate)},
            "tlogEntries": entries,
        });
        if let (Some(stamp), Some(material)) = (&self.stamp, material.as_object_mut()) {
            let stamps = json!({"rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode(stamp)}]});
            material.insert("timestampVerificationData".to_owned(), stamps);
        }
        let (name, content) = &self.content;
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            (*name): content,
        });
        change(&mut bundle);
        bundle.to_string()
    }

    /// The envelope and its annotations, as cosign's older format has them in a layer.
    pub fn envelope(&self) -> (String, BTreeMap<String, String>) {
        let chain: String = self.authorities.iter().map(|der| pem("CERTIFICATE", der)).collect();
        let mut annotations = BTreeMap::from([
            ("dev.cosignproject.cosign/signature".to_owned(), String::new()),
            ("dev.sigstore.cosign/certificate".to_owned(), pem("CERTIFICATE", &self.certificate)),
            ("dev.sigstore.cosign/chain".to_owned(), chain),
        ]);
        if let Some(entry) = self.entries.first() {
            annotations.insert("dev.sigstore.cosign/bundle".to_owned(), entry.in_annotation());
        }
        if let Some(stamp) = &self.stamp {
            let stamp = json!({"SignedRFC3161Timestamp": STANDARD.encode(stamp)}).to_string();
            annotations.insert("dev.sigstore.cosign/rfc3161timestamp".to_owned(), stamp);
        }
        (self.content.1.to_string(), annotations)
    }

    /// The certificate's DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}

impl Sigstore {
    /// Signs `content` as `how` says.
    pub fn sign(&self, content: Content<'_>, how: &Signing) -> Signed {
        let key = Key::generate(Curve::P256);
        let certificate = self.certificate(&how.leaf, &key.spki(), how);
        let other_key = Key::generate(Curve::P256);
        let signer = if how.has(Flaw::OtherKey) { &other_key } else { &key };
        let signature = signer.sign(&covered(content));
        Signed {
            entries: self.entries(content, how, &certificate, (&key, &signature)),
            content: written(content, &signature, how),
            without_proof: how.has(Flaw::NoProof),
            stamp: how.stamped.then(|| self.stamp(&signature, how)),
            certificate,
            authorities: vec![self.intermediate.certificate.clone(), self.root.certificate.clone()],
        }
    }

    /// A certificate for a key.
    pub(super) fn certificate(&self, leaf: &Leaf, spki: &[u8], how: &Signing) -> Vec<u8> {
        let other = Key::generate(Curve::P256);
        let promise = if how.has(Flaw::NoPromise) {
            Promise::None
        } else if how.has(Flaw::ForgedPromise) {
            Promise::Forged(&self.certificate_log, &other)
        } else if how.has(Flaw::PromiseOfAnother) {
            Promise::OfAnother(&self.certificate_log)
        } else {
            Promise::By(&self.certificate_log)
        };
        if how.has(Flaw::ForeignAuthority) {
            let root = certificate::root("root", super::BEGIN);
            let authority = root.intermediate("intermediate", certificate::CODE_SIGNING, super::BEGIN);
            return authority.issue(leaf, spki, promise, self.now());
        }
        self.intermediate.issue(leaf, spki, promise, self.now())
    }

    fn entries(
        &self,
        content: Content<'_>,
        how: &Signing,
        certificate: &[u8],
        (key, signature): (&Key, &[u8]),
    ) -> Vec<Entry> {
        let Some(api) = how.log else { return Vec::new() };
        let other: &[u8] = b"{\"other\":true}";
        let (content, signature) = match content {
            _ if !how.has(Flaw::OtherEntry) => (content, signature.to_vec()),
            Content::File(_) => (Content::File(other), key.sign(&covered(Content::File(other)))),
            _ => (Content::Statement(other), key.sign(&covered(Content::Statement(other)))),
        };
        let other_certificate = how
            .has(Flaw::EntryOfAnotherCertificate)
            .then(|| self.certificate(&how.leaf, &Key::generate(Curve::P256).spki(), how));
        let certificate = other_certificate.as_deref().unwrap_or(certificate);
        let said = said(content, &signature, certificate, api);
        let log = match api {
            RekorApi::V1 | RekorApi::V1InToto => &self.rekor_v1,
            RekorApi::V2 | RekorApi::V2Dsse => &self.rekor_v2,
        };
        let promised = matches!(api, RekorApi::V1 | RekorApi::V1InToto) && !how.has(Flaw::NoSet);
        let time = promised.then(|| how.logged_at.unwrap_or(self.now()));
        let mut entry = Entry::of(log, &said, time);
        spoil(&mut entry, log, how);
        let mut entries = vec![entry];
        if how.has(Flaw::EntryTwice) {
            entries.extend_from_within(..);
        }
        entries
    }

    fn stamp(&self, signature: &[u8], how: &Signing) -> Vec<u8> {
        let message = if how.has(Flaw::StampOfAnother) { b"other bytes" } else { signature };
        let at = how.stamped_at.unwrap_or(self.now());
        if how.has(Flaw::ForeignStamp) {
            let root = certificate::root("time stamping root", super::BEGIN);
            return stamp(&root.time_stamping("time stamping", super::BEGIN), &Query::of(message), at);
        }
        let mut stamp = stamp(&self.stamping, &Query::of(message), at);
        if how.has(Flaw::OtherStampedTime) {
            // The stamp says its time in one place with four digits of the year.
            let time = super::der::generalized(at);
            let place = stamp.windows(time.len()).position(|window| window == time);
            if let Some(digit) = place.and_then(|place| stamp.get_mut(place + time.len() - 2)) {
                *digit = if *digit == b'0' { b'1' } else { b'0' };
            }
        }
        stamp
    }
}

fn spoil(entry: &mut Entry, log: &super::Log, how: &Signing) {
    let (size, root) = (entry.inclusion.size, entry.inclusion.root);
    let other_root = sha256(&root);
    let other_key = Key::generate(Curve::P256);
    for flaw in &how.flaws {
        match flaw {
            Flaw::OtherBody => entry.body.push(b' '),
            Flaw::ForgedCheckpoint => entry.recheckpoint(log, size, root, &other_key),
            Flaw::OtherRoot => {
                entry.recheckpoint(log, size, other_root, &log.key);
                entry.inclusion.root = other_root;
            }
            Flaw::RootsDiffer => entry.recheckpoint(log, size, other_root, &log.key),
            Flaw::OtherSize => {
                entry.recheckpoint(log, size * 2, root, &log.key);
                entry.inclusion.size = size * 2;
            }
            Flaw::OtherIndex => entry.inclusion.index -= 1,
            Flaw::ForgedSet => {
                if let Some((_, promise)) = &mut entry.promise {
                    *promise = other_key.sign(b"no promise");
                }
            }
            Flaw::OtherLoggedTime => {
                if let Some((time, _)) = &mut entry.promise {
                    *time += 1;
                }
            }
            _ => {}
        }
    }
}

/// What a signature covers.
fn covered(content: Content<'_>) -> Vec<u8> {
    let (payload_type, payload) = match content {
        Content::File(bytes) => return bytes.to_vec(),
        Content::Statement(statement) => (IN_TOTO, statement),
        Content::Payload(payload_type, payload) => (payload_type, payload),
    };
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// The part of a bundle with the signature.
fn written(content: Content<'_>, signature: &[u8], how: &Signing) -> (&'static str, Value) {
    let (payload_type, payload) = match content {
        Content::File(bytes) => {
            let digest = json!({"algorithm": "SHA2_256", "digest": STANDARD.encode(sha256(bytes))});
            let signature = json!({"messageDigest": digest, "signature": STANDARD.encode(signature)});
            return ("messageSignature", signature);
        }
        Content::Statement(statement) => (IN_TOTO, statement),
        Content::Payload(payload_type, payload) => (payload_type, payload),
    };
    let mut payload = payload.to_vec();
    if how.has(Flaw::OtherPayload) {
        payload.push(b' ');
    }
    ("dsseEnvelope", envelope(payload_type, &payload, signature))
}

fn envelope(payload_type: &str, payload: &[u8], signature: &[u8]) -> Value {
    json!({
        "payload": STANDARD.encode(payload),
        "payloadType": payload_type,
        "signatures": [{"sig": STANDARD.encode(signature)}],
    })
}

/// What a log is told of a signature.
fn said(content: Content<'_>, signature: &[u8], certificate: &[u8], api: RekorApi) -> entry::Statement {
    let encoded = STANDARD.encode(signature);
    let digest = sha256(&covered(content));
    let (v1, v2) = (entry::verifier_v1(certificate), entry::verifier_v2(certificate));
    let (payload_type, payload) = match content {
        Content::File(_) => {
            return match api {
                RekorApi::V1 | RekorApi::V1InToto => entry::hashed_v1(&hex(&digest), &encoded, &v1),
                RekorApi::V2 | RekorApi::V2Dsse => entry::hashed_v2(&STANDARD.encode(digest), &encoded, &v2),
            };
        }
        Content::Statement(statement) => (IN_TOTO, statement),
        Content::Payload(payload_type, payload) => (payload_type, payload),
    };
    let envelope = envelope(payload_type, payload, signature).to_string();
    match api {
        RekorApi::V1 => entry::dsse_v1(envelope.as_bytes(), payload, &encoded, &v1),
        RekorApi::V1InToto => entry::intoto_v1(envelope.as_bytes(), payload, &encoded, &v1),
        RekorApi::V2 => entry::hashed_v2(&STANDARD.encode(digest), &encoded, &v2),
        RekorApi::V2Dsse => entry::dsse_v2(payload, &encoded, &v2),
    }
}
