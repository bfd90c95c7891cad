//! Envelopes with annotations, as cosign stores them in `.att` manifests: what is written beside the envelope becomes the
//! evidence of a bundle.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;

use super::certificate::is_self_issued;
use crate::attest::{
    base64,
    bundle::{Bundle, Content, LogEntry, MAX_EVIDENCE, Material, Version},
    envelope::Envelope,
};

const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// Bytes of one annotation: an entry of the log may repeat the envelope's signatures and certificates.
const ANNOTATION_BYTES: usize = 1 << 20;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

#[derive(Deserialize)]
struct RekorBundle<'a> {
    #[serde(borrow, rename = "SignedEntryTimestamp")]
    promise: Cow<'a, str>,
    #[serde(borrow, rename = "Payload")]
    payload: RekorPayload<'a>,
}

#[derive(Deserialize)]
struct RekorPayload<'a> {
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(rename = "integratedTime")]
    integrated: u64,
    #[serde(rename = "logIndex")]
    index: u64,
    #[serde(borrow, rename = "logID")]
    log_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct EntryKind<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, rename = "apiVersion")]
    version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Timestamp<'a> {
    #[serde(borrow, rename = "SignedRFC3161Timestamp")]
    token: Cow<'a, str>,
}

/// The envelope and its annotations as a bundle of the first version, which needs no proof of the log.
pub(super) fn bundle(envelope: Envelope, annotations: &BTreeMap<String, String>) -> Result<Bundle, String> {
    let entry = annotation(annotations, BUNDLE)?.map(log_entry).transpose()?;
    let timestamp = annotation(annotations, TIMESTAMP)?.map(timestamp).transpose()?;
    let mut certificates = annotation(annotations, CERTIFICATE)?.map(pem).transpose()?.unwrap_or_default();
    if certificates.len() > 1 {
        return Err(format!("{CERTIFICATE} holds {} certificates", certificates.len()));
    }
    if !certificates.is_empty() {
        let mut chain = annotation(annotations, CHAIN)?.map(pem).transpose()?.unwrap_or_default();
        // Cosign writes the root as well, which says nothing to whoever has it.
        chain.retain(|certificate| !is_self_issued(certificate).unwrap_or(false));
        certificates.extend(chain);
    }
    let material = if certificates.is_empty() {
        Material::Key { hint: String::new() }
    } else {
        Material::Certificates(certificates)
    };
    let has_evidence =
        entry.is_some() || timestamp.is_some() || matches!(material, Material::Certificates(_));
    if has_evidence && envelope.signatures.len() != 1 {
        return Err(format!("one signature is vouched for, of {}", envelope.signatures.len()));
    }
    Ok(Bundle {
        version: Version::V0_1,
        material,
        log_entries: entry.into_iter().collect(),
        timestamps: timestamp.into_iter().collect(),
        content: Content::Envelope(envelope),
    })
}

/// An annotation that is there and not empty, as cosign leaves those that it has nothing for.
fn annotation<'a>(annotations: &'a BTreeMap<String, String>, name: &str) -> Result<Option<&'a str>, String> {
    match annotations.get(name).map(String::as_str) {
        Some(text) if text.len() > ANNOTATION_BYTES => Err(format!("{name} has {} bytes", text.len())),
        text => Ok(text.filter(|text| !text.trim().is_empty())),
    }
}

fn log_entry(json: &str) -> Result<LogEntry, String> {
    let wrong = |error: serde_json::Error| format!("{BUNDLE} is not a log's promise: {error}");
    let RekorBundle { promise, payload } = serde_json::from_str(json).map_err(wrong)?;
    let body = decode(BUNDLE, &payload.body)?;
    let kind: EntryKind<'_> = serde_json::from_slice(&body).map_err(wrong)?;
    let (kind, kind_version) = (kind.kind.into_owned(), kind.version.into_owned());
    Ok(LogEntry {
        index: payload.index,
        log_id: hex(&payload.log_id).ok_or_else(|| format!("{BUNDLE} names a log that is not hex"))?,
        kind,
        kind_version,
        integrated: payload.integrated,
        promise: Some(decode(BUNDLE, &promise)?),
        proof: None,
        body,
    })
}

fn timestamp(json: &str) -> Result<Vec<u8>, String> {
    let timestamp: Timestamp<'_> =
        serde_json::from_str(json).map_err(|error| format!("{TIMESTAMP} is not a time stamp: {error}"))?;
    decode(TIMESTAMP, &timestamp.token)
}

fn decode(name: &str, text: &str) -> Result<Vec<u8>, String> {
    base64::decode(text).map_err(|error| format!("{name} is {error}"))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok()
    });
    (digits.len() == 64).then(|| pairs.collect())?
}

/// The certificates of a PEM text.
fn pem(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut certificates = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let (content, _) = block.split_once(END).ok_or("a certificate of the annotations has no end")?;
        let content: String = content.split_ascii_whitespace().collect();
        certificates.push(decode("a certificate of the annotations", &content)?);
        if certificates.len() > MAX_EVIDENCE {
            return Err(format!("the annotations hold more than {MAX_EVIDENCE} certificates"));
        }
    }
    if certificates.is_empty() {
        return Err("an annotation holds no certificate where there must be one".to_owned());
    }
    Ok(certificates)
}
