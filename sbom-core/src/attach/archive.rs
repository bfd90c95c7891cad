//! An image with everything about it as one file: an OCI layout in a tar archive, with what is needed to judge it
//! where there is no registry.
//!
//! The same content gives the same bytes: files stand in the order of their digests and carry no times and owners.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
};

use serde_json::{Value, json};
use tar_core::{EntryType, builder::EntryBuilder};

use super::{
    copy::Plan,
    document::{Annotations, artifact, bytes_of, empty, value_of},
    error::AttachError,
    kind::EMPTY_BYTES,
    layout::{LAYOUT, Layout},
    store::{Store, read_manifest},
};
use crate::{
    digest::{Digest, DigestReader},
    oci::{
        Descriptor,
        manifest::{Document, OCI_INDEX, REF_NAME},
        reference::Tag,
    },
    source::{ContentStore as _, SourceError, error::Part, image},
};

/// Annotation with the name of a file.
const TITLE: &str = "org.opencontainers.image.title";

/// The type of what a policy names.
const POLICY_FILE: &str = "application/vnd.sbomctl.policy-file.v1";

/// What travels with an image so that it can be judged where it arrives.
///
/// That something lies in the same archive is no reason to trust it: whoever made the archive chose it. Its digest can
/// be compared with one that came another way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carried {
    /// A trust root: the authorities of a Sigstore deployment.
    TrustedRoot,
    /// A policy.
    Policy,
    /// A file that the policy names, by that name: a key, a trusted root.
    PolicyFile(String),
}

impl Carried {
    /// The type of the artifact that it is in the layout.
    pub fn artifact_type(&self) -> &'static str {
        match self {
            Self::TrustedRoot => "application/vnd.dev.sigstore.trustedroot+json",
            Self::Policy => "application/vnd.sbomctl.policy.v1+yaml",
            Self::PolicyFile(_) => POLICY_FILE,
        }
    }

    /// The name of the file.
    pub fn file_name(&self) -> &str {
        match self {
            Self::TrustedRoot => "trusted_root.json",
            Self::Policy => "policy.yaml",
            Self::PolicyFile(name) => name,
        }
    }
}

/// Where the bytes of a file of the archive come from.
enum Bytes {
    Memory(Vec<u8>),
    Store(Descriptor),
}

/// Writes what `plan` found in `store` as an archive: the image under `tag`, everything about it, and `carried`.
pub fn write(
    store: &dyn Store,
    plan: Plan,
    tag: Option<&Tag>,
    carried: &[(Carried, Vec<u8>)],
    out: &mut dyn Write,
) -> Result<(), AttachError> {
    let mut entries = entries(&plan, tag);
    let mut files: BTreeMap<Digest, Bytes> =
        plan.blobs.into_iter().map(|(digest, blob)| (digest, Bytes::Store(blob))).collect();
    let manifests = plan.manifests.into_iter().map(|(descriptor, bytes)| (descriptor.digest, bytes));
    let tagged = plan.tags.into_values().map(|tagged| (tagged.descriptor.digest, tagged.bytes));
    files.extend(manifests.chain(tagged).map(|(digest, bytes)| (digest, Bytes::Memory(bytes))));
    for (kind, bytes) in carried {
        let blob = Descriptor::new(kind.artifact_type(), Digest::of(bytes), bytes.len() as u64);
        let title = Annotations::from([(TITLE.to_owned(), kind.file_name().to_owned())]);
        let made = artifact(kind.artifact_type(), &blob, title, None);
        entries.push(value_of(&made.entry));
        files.insert(blob.digest, Bytes::Memory(bytes.clone()));
        files.insert(made.entry.digest, Bytes::Memory(made.bytes));
        files.insert(empty().digest, Bytes::Memory(EMPTY_BYTES.to_vec()));
    }
    let index = bytes_of(&json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries }));
    file(out, "oci-layout", LAYOUT)?;
    file(out, "index.json", &index)?;
    for (digest, bytes) in files {
        let name = format!("blobs/{}", digest.to_string().replacen(':', "/", 1));
        match bytes {
            Bytes::Memory(bytes) => file(out, &name, &bytes)?,
            Bytes::Store(blob) => {
                let reader = store.blob(&digest, blob.size);
                let reader = reader.map_err(AttachError::store(format!("copying the blob {digest}")))?;
                stream(out, &name, &blob, reader)?;
            }
        }
    }
    // Two empty blocks end an archive.
    out.write_all(&[0; 1024])?;
    Ok(())
}

/// The entries of `index.json`: the image first, then what refers to it, then what has a tag of its own.
fn entries(plan: &Plan, tag: Option<&Tag>) -> Vec<Value> {
    let mut entries = Vec::new();
    if let Some(root) = &plan.root {
        let size = plan.manifests.iter().find(|(known, _)| known.digest == root.digest);
        let mut root = Descriptor {
            size: size.map_or(root.size, |(known, _)| known.size),
            annotations: Annotations::new(),
            platform: None,
            ..root.clone()
        };
        root.annotations.extend(tag.map(|tag| (REF_NAME.to_owned(), tag.to_string())));
        entries.push(value_of(&root));
    }
    let mut referrers: Vec<&Descriptor> = plan.referrers.values().flatten().collect();
    referrers.sort_by(|a, b| a.digest.cmp(&b.digest));
    referrers.dedup_by(|a, b| a.digest == b.digest);
    entries.extend(referrers.into_iter().map(value_of));
    for (tag, tagged) in &plan.tags {
        let mut descriptor = tagged.descriptor.clone();
        descriptor.annotations.insert(REF_NAME.to_owned(), tag.to_string());
        entries.push(value_of(&descriptor));
    }
    entries
}

fn file(out: &mut dyn Write, name: &str, bytes: &[u8]) -> Result<(), AttachError> {
    out.write_all(&header(name, bytes.len() as u64)?)?;
    out.write_all(bytes)?;
    pad(out, bytes.len() as u64)
}

/// Writes a file as its bytes come; fails if they are not those of `blob`.
fn stream(
    out: &mut dyn Write,
    name: &str,
    blob: &Descriptor,
    reader: Box<dyn Read + Send>,
) -> Result<(), AttachError> {
    out.write_all(&header(name, blob.size)?)?;
    let mut reader = DigestReader::new(reader.take(blob.size.saturating_add(1)), blob.digest.algorithm());
    io::copy(&mut reader, out)?;
    let (found, size) = reader.finish();
    image::check_found(Part::Blob, blob, size, found)
        .map_err(AttachError::store(format!("copying the blob {}", blob.digest)))?;
    pad(out, blob.size)
}

fn pad(out: &mut dyn Write, size: u64) -> Result<(), AttachError> {
    let missing = usize::try_from(size.wrapping_neg() % 512).unwrap_or_default();
    Ok(out.write_all([0; 512].get(..missing).unwrap_or_default())?)
}

/// The header of a regular file, which says nothing of who made it, and when.
fn header(name: &str, size: u64) -> Result<Vec<u8>, AttachError> {
    let too_large =
        |error: tar_core::HeaderError| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
    let mut entry = EntryBuilder::new_ustar();
    entry.path(name).entry_type(EntryType::Regular);
    entry.mode(0o644).map_err(too_large)?;
    entry.uid(0).and_then(|entry| entry.gid(0)).map_err(too_large)?;
    entry.size(size).and_then(|entry| entry.mtime(0)).map_err(too_large)?;
    Ok(entry.finish_bytes())
}

/// What of `kind` lies in a layout: none, or its digest and bytes. Of several the first counts.
pub fn carried(layout: &Layout, kind: &Carried) -> Result<Option<(Digest, Vec<u8>)>, SourceError> {
    let is_it = |entry: &&Descriptor| match kind {
        _ if entry.artifact_type.as_deref() != Some(kind.artifact_type()) => false,
        Carried::PolicyFile(name) => entry.annotations.get(TITLE) == Some(name),
        Carried::TrustedRoot | Carried::Policy => true,
    };
    let entries = layout.entries()?;
    let Some(entry) = entries.iter().find(is_it) else { return Ok(None) };
    let bytes = read_manifest(layout, entry)?;
    let Ok(Document::Manifest(manifest)) = super::store::parse(&bytes, entry) else { return Ok(None) };
    let Some(blob) = manifest.layers.first() else { return Ok(None) };
    let reader = layout.blob(&blob.digest, blob.size)?;
    let limit = crate::limits::Limits::default().attestation_bytes;
    let bytes = super::store::read_blob(reader, blob, limit)?;
    Ok(Some((blob.digest.clone(), bytes)))
}

/// The files that the policy of a layout names and that lie there, in the order of their names.
pub fn policy_files(layout: &Layout) -> Result<Vec<Carried>, SourceError> {
    let entries = layout.entries()?;
    let files = entries.iter().filter(|entry| entry.artifact_type.as_deref() == Some(POLICY_FILE));
    let names: BTreeSet<&String> = files.filter_map(|entry| entry.annotations.get(TITLE)).collect();
    Ok(names.into_iter().cloned().map(Carried::PolicyFile).collect())
}
