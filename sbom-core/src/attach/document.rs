//! The documents that hold attestations, as they are written: manifests of bundles, `.att` manifests, lists.
//!
//! What others have written is changed as little as possible: it is read as plain JSON, so that no field is lost.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    find::{CREATED, PREDICATE_TYPE},
    kind::{BUNDLE, EMPTY, EMPTY_BYTES, artifact_type},
};
use crate::{
    digest::Digest,
    oci::{
        Descriptor,
        manifest::{Manifest, OCI_INDEX, OCI_MANIFEST},
    },
    timestamp::Timestamp,
};

/// Annotations of a descriptor or manifest.
pub type Annotations = BTreeMap<String, String>;

/// A descriptor, written as others expect it: no field that is empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a Annotations,
}

impl<'a> From<&'a Descriptor> for Written<'a> {
    fn from(descriptor: &'a Descriptor) -> Self {
        Self {
            media_type: &descriptor.media_type,
            digest: descriptor.digest.to_string(),
            size: descriptor.size,
            artifact_type: descriptor.artifact_type.as_deref(),
            annotations: &descriptor.annotations,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestOut<'a> {
    schema_version: u8,
    media_type: &'a str,
    artifact_type: &'a str,
    config: Written<'a>,
    layers: Vec<Written<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a Annotations,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Written<'a>>,
}

/// A manifest as it is to be put, and how lists are to name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The manifest's bytes.
    pub(super) bytes: Vec<u8>,
    /// The entry for lists: its artifact type and annotations are the manifest's.
    pub(super) entry: Descriptor,
}

/// The empty object, which artifacts have for a configuration.
pub(super) fn empty() -> Descriptor {
    Descriptor::new(EMPTY, Digest::of(EMPTY_BYTES), EMPTY_BYTES.len() as u64)
}

/// The manifest of the bundle `blob` about `subject`.
pub(super) fn referrer(
    blob: &Descriptor,
    predicate_type: &str,
    created: Option<Timestamp>,
    subject: &Descriptor,
) -> Made {
    let mut annotations = Annotations::from([
        ("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned()),
        (PREDICATE_TYPE.to_owned(), predicate_type.to_owned()),
    ]);
    if let Some(created) = created {
        annotations.insert(CREATED.to_owned(), created.to_string());
    }
    artifact(BUNDLE, blob, annotations, Some(subject))
}

/// The manifest of an artifact that is one blob.
pub(super) fn artifact(
    kind: &str,
    blob: &Descriptor,
    annotations: Annotations,
    subject: Option<&Descriptor>,
) -> Made {
    let plain = |descriptor: &Descriptor| {
        Descriptor::new(descriptor.media_type.clone(), descriptor.digest.clone(), descriptor.size)
    };
    let (config, subject) = (empty(), subject.map(plain));
    let out = ManifestOut {
        schema_version: 2,
        media_type: OCI_MANIFEST,
        artifact_type: kind,
        config: Written::from(&config),
        layers: vec![Written::from(blob)],
        annotations: &annotations,
        subject: subject.as_ref().map(Written::from),
    };
    let bytes = bytes_of(&out);
    let mut entry = Descriptor::new(OCI_MANIFEST, Digest::of(&bytes), bytes.len() as u64);
    entry.artifact_type = Some(kind.to_owned());
    entry.annotations = annotations;
    Made { bytes, entry }
}

/// How lists are to name a manifest that somebody else wrote.
pub(super) fn entry_of(descriptor: &Descriptor, manifest: &Manifest) -> Descriptor {
    let media_type =
        if descriptor.media_type.is_empty() { OCI_MANIFEST } else { descriptor.media_type.as_str() };
    let mut entry = Descriptor::new(media_type, descriptor.digest.clone(), descriptor.size);
    entry.artifact_type = Some(artifact_type(manifest).to_owned());
    entry.annotations = manifest.annotations.clone();
    entry
}

/// A list with the entries of `current` as they are, and after them those of `new` that it lacks. None if it lacks
/// none. With no `current`, a list of `new`. Fails if `current` is no list.
pub(super) fn list_with(current: Option<&[u8]>, new: &[Descriptor]) -> Result<Option<Vec<u8>>, NoList> {
    let mut list = match current {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_malformed| NoList)?,
        None => json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] }),
    };
    let entries = entries_of(&mut list)?;
    let lacking = |new: &&Descriptor| {
        let digest = new.digest.to_string();
        !entries.iter().any(|entry| entry.get("digest").and_then(Value::as_str) == Some(&digest))
    };
    let lacking: Vec<Value> = new.iter().filter(lacking).map(value_of).collect();
    if lacking.is_empty() && current.is_some() {
        return Ok(None);
    }
    entries.extend(lacking);
    Ok(Some(bytes_of(&list)))
}

/// A list without the entry of `digest`. None if it has none.
pub(super) fn list_without(current: &[u8], digest: &Digest) -> Result<Option<Vec<u8>>, NoList> {
    let mut list = serde_json::from_slice(current).map_err(|_malformed| NoList)?;
    let entries = entries_of(&mut list)?;
    let before = entries.len();
    let digest = digest.to_string();
    entries.retain(|entry| entry.get("digest").and_then(Value::as_str) != Some(&digest));
    if entries.len() == before { Ok(None) } else { Ok(Some(bytes_of(&list))) }
}

/// A list in which each entry says of its manifest what the manifest says, as far as `known` tells that; all else stays
/// as it is. None if that changes nothing.
pub(super) fn list_corrected(
    current: &[u8],
    known: &BTreeMap<Digest, Descriptor>,
) -> Result<Option<Vec<u8>>, NoList> {
    let mut list: Value = serde_json::from_slice(current).map_err(|_malformed| NoList)?;
    let before = list.clone();
    for entry in entries_of(&mut list)? {
        let digest = entry.get("digest").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let Some(right) = digest.and_then(|digest: Digest| known.get(&digest)) else { continue };
        let Some(fields) = entry.as_object_mut() else { continue };
        if let Some(kind) = &right.artifact_type {
            fields.insert("artifactType".to_owned(), json!(kind));
        }
        if right.annotations.is_empty() {
            continue;
        }
        let annotations = fields.entry("annotations").or_insert_with(|| json!({}));
        if !annotations.is_object() {
            *annotations = json!({});
        }
        for (name, value) in &right.annotations {
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(name.clone(), json!(value));
            }
        }
    }
    if list == before { Ok(None) } else { Ok(Some(bytes_of(&list))) }
}

/// What should be a list is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoList;

fn entries_of(list: &mut Value) -> Result<&mut Vec<Value>, NoList> {
    let fields = list.as_object_mut().ok_or(NoList)?;
    // What has layers is an image, under whatever tag it lies.
    if fields.contains_key("layers") || fields.contains_key("config") {
        return Err(NoList);
    }
    let entries = fields.entry("manifests").or_insert(Value::Null);
    if entries.is_null() {
        *entries = json!([]);
    }
    entries.as_array_mut().ok_or(NoList)
}

pub(super) fn value_of(descriptor: &Descriptor) -> Value {
    serde_json::to_value(Written::from(descriptor)).unwrap_or_default()
}

/// A document's bytes. Its types have nothing that cannot be written as JSON.
pub(super) fn bytes_of(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "https://spdx.dev/Document";

    fn subject() -> Descriptor {
        Descriptor::new(OCI_MANIFEST, Digest::of(b"image"), 5)
    }

    #[test]
    fn a_bundle_s_manifest_has_these_bytes() {
        let blob = Descriptor::new(BUNDLE, Digest::of(b"bundle"), 6);
        let made = referrer(&blob, URI, Some(Timestamp::from_unix(0).unwrap()), &subject());
        let expected = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","#,
                r#""config":{{"mediaType":"application/vnd.oci.empty.v1+json","#,
                r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}},"#,
                r#""layers":[{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","digest":"{}","size":6}}],"#,
                r#""annotations":{{"dev.sigstore.bundle.content":"dsse-envelope","#,
                r#""dev.sigstore.bundle.predicateType":"https://spdx.dev/Document","#,
                r#""org.opencontainers.image.created":"1970-01-01T00:00:00Z"}},"#,
                r#""subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":5}}}}"#,
            ),
            blob.digest,
            subject().digest
        );
        assert_eq!(String::from_utf8(made.bytes).unwrap(), expected);
        assert_eq!(made.entry.artifact_type.as_deref(), Some(BUNDLE));
        assert_eq!(made.entry.annotations[PREDICATE_TYPE], URI);
    }

    #[test]
    fn without_a_time_none_is_written() {
        let blob = Descriptor::new(BUNDLE, Digest::of(b"bundle"), 6);
        let made = referrer(&blob, URI, None, &subject());
        assert!(!String::from_utf8(made.bytes).unwrap().contains(CREATED));
    }

    #[test]
    fn a_list_keeps_what_it_does_not_know() {
        let old =
            br#"{"schemaVersion":2,"x":1,"manifests":[{"digest":"md5:0","odd":[]}],"annotations":{"a":"b"}}"#;
        let new = [subject()];
        let list = list_with(Some(old), &new).unwrap().unwrap();
        let list: Value = serde_json::from_slice(&list).unwrap();
        assert_eq!(list["x"], 1);
        assert_eq!(list["annotations"]["a"], "b");
        assert_eq!(list["manifests"][0], json!({ "digest": "md5:0", "odd": [] }));
        assert_eq!(list["manifests"][1]["digest"], subject().digest.to_string());
        let again = bytes_of(&list);
        assert_eq!(list_with(Some(&again), &new), Ok(None));
        assert_eq!(list_without(&again, &Digest::of(b"other")), Ok(None));
        let without = list_without(&again, &subject().digest).unwrap().unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&without).unwrap()["manifests"].as_array().unwrap().len(),
            1
        );
    }

    #[test]
    fn an_image_is_no_list() {
        assert_eq!(list_with(Some(br#"{"config":{},"layers":[]}"#), &[]), Err(NoList));
        assert_eq!(list_with(Some(b"[]"), &[]), Err(NoList));
        assert_eq!(list_with(Some(br#"{"manifests":3}"#), &[]), Err(NoList));
    }
}
