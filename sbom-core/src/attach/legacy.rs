//! cosign's older form: all attestations of an image as layers of one manifest, under the tag `sha256-….att`.
//!
//! Source: cosign `ATTESTATION_SPEC.md`, and what cosign 2 and 3 read and write.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    document::{Annotations, bytes_of, value_of},
    error::AttachError,
    find::LEGACY_PREDICATE_TYPE,
    kind::ENVELOPE,
    put::{Attachment, Settings, put_bytes},
    store::{Sink, companion_tag},
    tag_update,
};
use crate::{
    digest::{Digest, hex},
    oci::{
        Descriptor,
        manifest::{ManifestError, OCI_CONFIG, OCI_MANIFEST},
        reference::Tag,
    },
};

/// Puts `attachments` under the tags of their subjects. Gives the tag of each subject.
pub(super) fn add(
    sink: &dyn Sink,
    attachments: &[Attachment<'_>],
    settings: &Settings<'_>,
) -> Result<BTreeMap<Digest, Tag>, AttachError> {
    let mut by_subject: BTreeMap<Digest, Vec<Descriptor>> = BTreeMap::new();
    for attachment in attachments {
        let (layer, bytes) = layer(attachment.bundle, attachment.predicate_type)?;
        put_bytes(sink, &layer, &bytes)?;
        for subject in attachment.subjects {
            by_subject.entry(subject.digest.clone()).or_default().push(layer.clone());
        }
    }
    let mut tags = BTreeMap::new();
    for (subject, layers) in by_subject {
        let tag = companion_tag(&subject, "att").ok_or(AttachError::NoTag { digest: subject.clone() })?;
        add_layers(sink, &tag, &layers.iter().map(value_of).collect::<Vec<_>>(), settings)?;
        tags.insert(subject, tag);
    }
    Ok(tags)
}

/// Adds `layers` to the manifest under `tag`, each unless it is there; their bytes must be.
pub(super) fn add_layers(
    sink: &dyn Sink,
    tag: &Tag,
    layers: &[Value],
    settings: &Settings<'_>,
) -> Result<bool, AttachError> {
    tag_update::update(sink, tag, OCI_MANIFEST, settings, |now| {
        let Some(made) = manifest_with(now.map(|now| now.bytes.as_slice()), layers, tag)? else {
            return Ok(None);
        };
        put_bytes(sink, &made.config, &made.config_bytes)?;
        Ok(Some(made.bytes))
    })
}

/// A manifest with its configuration.
struct Made {
    bytes: Vec<u8>,
    config: Descriptor,
    config_bytes: Vec<u8>,
}

/// The manifest `current` with those of `layers` that it lacks; none if it lacks none.
fn manifest_with(current: Option<&[u8]>, layers: &[Value], tag: &Tag) -> Result<Option<Made>, AttachError> {
    let tagged = |source| AttachError::Tagged { tag: tag.clone(), source };
    let other = || ManifestError::Disagreement { expected: OCI_MANIFEST.to_owned(), found: "something else" };
    let mut manifest: Value = match current {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|error| tagged(error.into()))?,
        None => json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": [] }),
    };
    let fields = manifest.as_object_mut().ok_or_else(|| tagged(other()))?;
    if fields.contains_key("manifests") || !fields.contains_key("config") {
        return Err(tagged(other()));
    }
    let there = fields.entry("layers").or_insert_with(|| json!([])).as_array_mut();
    let there = there.ok_or_else(|| tagged(other()))?;
    let digest = |layer: &Value| layer.get("digest").and_then(Value::as_str).map(str::to_owned);
    let lacking = |layer: &&Value| !there.iter().any(|known| digest(known) == digest(layer));
    let lacking: Vec<Value> = layers.iter().filter(lacking).cloned().collect();
    if lacking.is_empty() && current.is_some() {
        return Ok(None);
    }
    there.extend(lacking);
    let diff_ids: Vec<String> = there.iter().filter_map(digest).collect();
    let config_bytes = config(&diff_ids);
    let media_type = fields.get("config").and_then(|config| config.get("mediaType")).and_then(Value::as_str);
    let media_type = media_type.filter(|kind| !kind.is_empty()).unwrap_or(OCI_CONFIG).to_owned();
    let config = Descriptor::new(media_type, Digest::of(&config_bytes), config_bytes.len() as u64);
    fields.insert("config".to_owned(), value_of(&config));
    Ok(Some(Made { bytes: bytes_of(&manifest), config, config_bytes }))
}

/// The configuration of an image that runs nowhere, whose layers are not compressed.
fn config(diff_ids: &[String]) -> Vec<u8> {
    bytes_of(&json!({
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    }))
}

/// The layer of a bundle: its envelope, with what else verifies it in annotations.
fn layer(bundle: &[u8], predicate_type: &str) -> Result<(Descriptor, Vec<u8>), AttachError> {
    let bad = |reason| AttachError::Bundle { reason };
    let bundle: Value = serde_json::from_slice(bundle).map_err(|_malformed| bad("it is no JSON"))?;
    let envelope = bundle.get("dsseEnvelope").ok_or_else(|| bad("it has no envelope"))?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let payload = text(envelope, "payload").ok_or_else(|| bad("its envelope has no payload"))?;
    let payload_type = text(envelope, "payloadType").ok_or_else(|| bad("its payload has no type"))?;
    let signatures = envelope.get("signatures").and_then(Value::as_array);
    let signatures: Vec<Value> = signatures
        .into_iter()
        .flatten()
        .filter_map(|signature| Some(json!({ "keyid": "", "sig": text(signature, "sig")? })))
        .collect();
    if signatures.is_empty() {
        return Err(bad("its envelope has no signature"));
    }
    let bytes =
        bytes_of(&json!({ "payloadType": payload_type, "payload": payload, "signatures": signatures }));
    let mut layer = Descriptor::new(ENVELOPE, Digest::of(&bytes), bytes.len() as u64);
    layer.annotations = annotations(&bundle, predicate_type);
    Ok((layer, bytes))
}

/// What stands beside an envelope: certificate, entry of the log and time stamp, as the bundle has them.
fn annotations(bundle: &Value, predicate_type: &str) -> Annotations {
    let mut annotations = Annotations::from([
        // Its value is in the envelope, but without the annotation the layer counts as unsigned.
        ("dev.cosignproject.cosign/signature".to_owned(), String::new()),
        (LEGACY_PREDICATE_TYPE.to_owned(), predicate_type.to_owned()),
    ]);
    let Some(material) = bundle.get("verificationMaterial") else { return annotations };
    let certificate = material.pointer("/certificate/rawBytes");
    let certificate =
        certificate.or_else(|| material.pointer("/x509CertificateChain/certificates/0/rawBytes"));
    if let Some(pem) = certificate.and_then(Value::as_str).and_then(pem) {
        annotations.insert("dev.sigstore.cosign/certificate".to_owned(), pem);
    }
    if let Some(entry) = material.pointer("/tlogEntries/0").and_then(log_entry) {
        annotations.insert("dev.sigstore.cosign/bundle".to_owned(), entry.to_string());
    }
    let stamp = material.pointer("/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp");
    if let Some(stamp) = stamp.and_then(Value::as_str) {
        let stamp = json!({ "SignedRFC3161Timestamp": stamp }).to_string();
        annotations.insert("dev.sigstore.cosign/rfc3161timestamp".to_owned(), stamp);
    }
    annotations
}

/// A certificate as PEM.
fn pem(base64: &str) -> Option<String> {
    let base64 = STANDARD.encode(STANDARD.decode(base64).ok()?);
    let lines = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    let body: String = lines.collect();
    Some(format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"))
}

/// An entry of Rekor v1 as cosign writes it. Entries of Rekor v2 have no promise, and no place here.
fn log_entry(entry: &Value) -> Option<Value> {
    let promise = entry.pointer("/inclusionPromise/signedEntryTimestamp")?.as_str()?;
    // 64-bit numbers are texts in the JSON of protocol buffers, and are left out where they are 0.
    let number = |name: &str| match entry.get(name) {
        None => Some(0),
        Some(Value::String(text)) => text.parse::<i64>().ok(),
        Some(value) => value.as_i64(),
    };
    let log = STANDARD.decode(entry.pointer("/logId/keyId")?.as_str()?).ok()?;
    Some(json!({
        "SignedEntryTimestamp": promise,
        "Payload": {
            "body": entry.get("canonicalizedBody")?.as_str()?,
            "integratedTime": number("integratedTime")?,
            "logIndex": number("logIndex")?,
            "logID": hex(&log),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Tag {
        "sha256-x.att".parse().unwrap()
    }

    #[test]
    fn a_layer_is_added_once_and_the_configuration_lists_all() {
        let bundle = br#"{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}"#;
        let (layer, bytes) = layer(bundle, "https://spdx.dev/Document").unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"","sig":"AA=="}]}"#
        );
        assert_eq!(layer.annotations["dev.cosignproject.cosign/signature"], "");
        let layers = [value_of(&layer)];
        let made = manifest_with(None, &layers, &tag()).unwrap().unwrap();
        assert!(manifest_with(Some(&made.bytes), &layers, &tag()).unwrap().is_none());
        let other = [json!({ "mediaType": ENVELOPE, "digest": "sha256:other", "size": 1 })];
        let made = manifest_with(Some(&made.bytes), &other, &tag()).unwrap().unwrap();
        let config: Value = serde_json::from_slice(&made.config_bytes).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!([layer.digest.to_string(), "sha256:other"]));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for bad in [
            "",
            "{}",
            r#"{"dsseEnvelope":{}}"#,
            r#"{"dsseEnvelope":{"payload":"","payloadType":"","signatures":[]}}"#,
        ] {
            assert!(matches!(layer(bad.as_bytes(), "x"), Err(AttachError::Bundle { .. })), "{bad}");
        }
    }

    #[test]
    fn an_entry_of_the_first_log_is_written_as_cosign_does() {
        let entry = json!({
            "logId": { "keyId": "AAE=" }, "integratedTime": "7",
            "inclusionPromise": { "signedEntryTimestamp": "UQ==" }, "canonicalizedBody": "Qg==",
        });
        let expected = json!({
            "SignedEntryTimestamp": "UQ==",
            "Payload": { "body": "Qg==", "integratedTime": 7, "logIndex": 0, "logID": "0001" },
        });
        assert_eq!(log_entry(&entry), Some(expected));
        assert_eq!(log_entry(&json!({ "logId": { "keyId": "AAE=" }, "canonicalizedBody": "Qg==" })), None);
    }
}
