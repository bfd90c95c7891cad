//! An OCI layout as a place where attestations lie: a folder, or a tar archive that is only read.
//!
//! A layout keeps no lists of referrers, but all of it can be looked at: whatever is reachable from `index.json` and
//! names a subject refers to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use super::{
    document::{bytes_of, entry_of, list_with, value_of},
    store::{Open, Put, Referrers, Sink, Store, Tagged, read_manifest},
};
use crate::{
    digest::{Digest, DigestReader},
    limits::Limits,
    oci::{
        Descriptor,
        manifest::{Document, REF_NAME},
        reference::{Repository, Tag, Target},
    },
    source::{Choice, ContentStore, SourceError, error::Part, image, oci_layout::LayoutStore},
};

/// A layout to read.
#[derive(Debug)]
pub struct Layout {
    store: LayoutStore,
    limits: Limits,
    /// What the layout holds, once it was looked at.
    walked: Mutex<Option<Arc<Walked>>>,
}

/// What refers to what in a layout.
#[derive(Debug, Default)]
struct Walked {
    referrers: BTreeMap<Digest, Vec<Descriptor>>,
    unreadable: Vec<String>,
}

impl Layout {
    /// The layout in the folder `path`.
    pub fn folder(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        Ok(Self::new(LayoutStore::folder(path, limits)?, limits))
    }

    /// The layout in the tar archive at `path`, which must not be compressed.
    pub fn archive(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        Ok(Self::new(LayoutStore::archive(path, limits)?, limits))
    }

    fn new(store: LayoutStore, limits: &Limits) -> Self {
        Self { store, limits: limits.clone(), walked: Mutex::default() }
    }

    /// The one image that `choice` means.
    pub fn resolve(&self, choice: &Choice) -> Result<Descriptor, SourceError> {
        self.store.resolve(choice)
    }

    /// The entries of `index.json`.
    pub fn entries(&self) -> Result<Vec<Descriptor>, SourceError> {
        Ok(self.store.index()?.manifests)
    }

    fn walked(&self) -> Result<Arc<Walked>, SourceError> {
        let mut kept = lock(&self.walked);
        if let Some(walked) = &*kept {
            return Ok(Arc::clone(walked));
        }
        let walked = Arc::new(self.walk()?);
        *kept = Some(Arc::clone(&walked));
        Ok(walked)
    }

    fn walk(&self) -> Result<Walked, SourceError> {
        let mut walked = Walked::default();
        let mut seen = BTreeSet::new();
        let mut left: Vec<(Descriptor, u64)> = self.entries()?.into_iter().map(|entry| (entry, 0)).collect();
        // From the end, so that what comes first is looked at first.
        left.reverse();
        while let Some((descriptor, depth)) = left.pop() {
            if !seen.insert(descriptor.digest.clone()) {
                continue;
            }
            let limit = |source| SourceError::Limit {
                what: format!("the manifests of {}", self.store.place()),
                source,
            };
            self.limits.manifests.check(seen.len() as u64).map_err(limit)?;
            self.limits.index_depth.check(depth).map_err(limit)?;
            let read = read_manifest(&self.store, &descriptor).map_err(|error| error.to_string());
            let parse = |bytes: Vec<u8>| {
                let document = Document::parse(&bytes, &descriptor.media_type);
                document.map(|document| (document, bytes.len() as u64)).map_err(|error| error.to_string())
            };
            let subject = match read.and_then(parse) {
                Ok((Document::Manifest(manifest), size)) => manifest.subject.as_ref().map(|subject| {
                    let known = Descriptor { size, ..descriptor.clone() };
                    (subject.digest.clone(), entry_of(&known, &manifest))
                }),
                Ok((Document::Index(index), _)) => {
                    left.extend(
                        index.manifests.into_iter().rev().map(|child| (child, depth.saturating_add(1))),
                    );
                    index.subject.map(|subject| (subject.digest, descriptor))
                }
                Err(why) => {
                    walked.unreadable.push(format!("{} {why}", descriptor.digest));
                    continue;
                }
            };
            if let Some((subject, entry)) = subject {
                walked.referrers.entry(subject).or_default().push(entry);
            }
        }
        Ok(walked)
    }
}

impl ContentStore for Layout {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.store.manifest(descriptor)
    }

    fn blob(&self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send>, SourceError> {
        self.store.blob(digest, size)
    }
}

impl Store for Layout {
    fn place(&self) -> String {
        self.store.place().to_owned()
    }

    fn tagged(&self, tag: &Tag) -> Result<Option<Tagged>, SourceError> {
        let entries = self.entries()?;
        let Some(entry) = entries.into_iter().find(|entry| is_tagged(entry, tag.as_str())) else {
            return Ok(None);
        };
        let bytes = read_manifest(&self.store, &entry)?;
        Ok(Some(Tagged { state: Some(entry.digest.to_string()), descriptor: entry, bytes }))
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, SourceError> {
        let walked = self.walked()?;
        let listed = walked.referrers.get(subject).cloned().unwrap_or_default();
        Ok(Referrers::Listed(listed, walked.unreadable.clone()))
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool, SourceError> {
        Ok(self.store.blob_size(digest)?.is_some())
    }

    fn as_repository(&self) -> Option<&Repository> {
        None
    }
}

/// Whether an entry of `index.json` lies under `tag`: by the tag alone, or by a full name that ends with it.
fn is_tagged(entry: &Descriptor, tag: &str) -> bool {
    let name = entry.annotations.get(REF_NAME).map(String::as_str);
    let ends_with = |name: &str| name.strip_suffix(tag).is_some_and(|head| head.ends_with(':'));
    name.is_some_and(|name| name == tag || ends_with(name))
}

/// A layout in a folder, to read and to write.
///
/// Whatever is written is there whole or not at all. Two programs must not write one layout at the same time:
/// `index.json` is one file, which each replaces.
#[derive(Debug)]
pub struct LayoutFolder {
    layout: Layout,
    path: PathBuf,
    /// Held by the thread that writes `index.json`.
    writing: Mutex<()>,
}

impl LayoutFolder {
    /// The layout in the folder `path`.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let layout = Layout::folder(path, limits)?;
        Ok(Self { layout, path: path.to_owned(), writing: Mutex::default() })
    }

    /// The layout in the folder `path`, made empty if nothing is there.
    pub fn create(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        if !path.join("oci-layout").is_file() {
            fs::create_dir_all(path.join("blobs/sha256")).map_err(|source| SourceError::io(path, source))?;
            write_whole(&path.join("index.json"), &empty_index())?;
            write_whole(&path.join("oci-layout"), LAYOUT)?;
        }
        Self::open(path, limits)
    }

    /// The layout, to read.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path.join("blobs").join(digest.to_string().replacen(':', "/", 1))
    }

    /// Replaces `index.json` by what `change` makes of its entries.
    fn change_index(
        &self,
        change: impl FnOnce(Vec<Value>) -> Result<Vec<Value>, Put>,
    ) -> Result<Option<Put>, SourceError> {
        let _held = lock(&self.writing);
        let malformed = |source| SourceError::Json { file: "index.json", place: self.layout.place(), source };
        let bytes = self.layout.store.index_bytes()?;
        let mut index: Value = serde_json::from_slice(&bytes).map_err(malformed)?;
        let entries = match index.get_mut("manifests").map(Value::take) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        let entries = match change(entries) {
            Ok(entries) => entries,
            Err(put) => return Ok(Some(put)),
        };
        if let Some(fields) = index.as_object_mut() {
            fields.insert("manifests".to_owned(), json!(entries));
        }
        write_whole(&self.path.join("index.json"), &bytes_of(&index))?;
        *lock(&self.layout.walked) = None;
        Ok(None)
    }

    /// Writes a file under the digest of what it holds.
    fn write_blob(&self, descriptor: &Descriptor, open: &Open<'_>) -> Result<(), SourceError> {
        let path = self.blob_path(&descriptor.digest);
        if path.is_file() {
            return Ok(());
        }
        let failed = |source| SourceError::io(&path, source);
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(failed)?;
        let partial = folder.join(format!(".{}.partial", descriptor.digest.hex()));
        let written = copy_checked(open()?, descriptor, &partial);
        if let Err(error) = written {
            // What is left of it would be in the way of nothing but the disk.
            drop(fs::remove_file(&partial));
            return Err(error);
        }
        fs::rename(&partial, &path).map_err(failed)
    }
}

/// Copies bytes into a file, and fails unless they are those of `descriptor`.
fn copy_checked(
    reader: Box<dyn Read + Send>,
    descriptor: &Descriptor,
    path: &Path,
) -> Result<(), SourceError> {
    let failed = |source| SourceError::Io { path: path.to_owned(), source };
    let mut reader =
        DigestReader::new(reader.take(descriptor.size.saturating_add(1)), descriptor.digest.algorithm());
    let mut file = create_new(path).map_err(failed)?;
    io::copy(&mut reader, &mut file).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let (found, size) = reader.finish();
    image::check_found(Part::Blob, descriptor, size, found)
}

impl ContentStore for LayoutFolder {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.layout.manifest(descriptor)
    }

    fn blob(&self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send>, SourceError> {
        self.layout.blob(digest, size)
    }
}

impl Store for LayoutFolder {
    fn place(&self) -> String {
        self.layout.place()
    }

    fn tagged(&self, tag: &Tag) -> Result<Option<Tagged>, SourceError> {
        self.layout.tagged(tag)
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, SourceError> {
        self.layout.referrers(subject)
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool, SourceError> {
        self.layout.has_blob(digest)
    }

    fn as_repository(&self) -> Option<&Repository> {
        None
    }
}

impl Sink for LayoutFolder {
    fn put_blob(
        &self,
        descriptor: &Descriptor,
        _: Option<&Repository>,
        open: &Open<'_>,
    ) -> Result<(), SourceError> {
        self.write_blob(descriptor, open)
    }

    fn put_manifest(
        &self,
        target: &Target,
        media_type: &str,
        bytes: &[u8],
        state: Option<&str>,
    ) -> Result<Put, SourceError> {
        let mut descriptor = Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64);
        if let Target::Digest(digest) = target {
            descriptor.digest = digest.clone();
        }
        image::check(Part::Manifest, &descriptor, bytes)?;
        self.write_blob(&descriptor, &|| Ok(Box::new(io::Cursor::new(bytes.to_vec()))))?;
        match target {
            Target::Tag(tag) => {
                descriptor.annotations.insert(REF_NAME.to_owned(), tag.to_string());
                let changed = self.change_index(|entries| with_tag(entries, &descriptor, tag, state))?;
                Ok(changed.unwrap_or(Put::Done))
            }
            Target::Digest(_) => match Document::parse(bytes, media_type) {
                // Only what `index.json` leads to is found; what has a subject is led to by nothing else.
                Ok(Document::Manifest(manifest)) if manifest.subject.is_some() => {
                    let entry = entry_of(&descriptor, &manifest);
                    self.change_index(|entries| Ok(with_entry(entries, &entry)))?;
                    Ok(Put::Listed)
                }
                _ => Ok(Put::Done),
            },
        }
    }

    fn delete_manifest(&self, digest: &Digest) -> Result<bool, SourceError> {
        let text = digest.to_string();
        let is_it = |entry: &Value| entry.get("digest").and_then(Value::as_str) == Some(&text);
        self.change_index(|entries| Ok(entries.into_iter().filter(|entry| !is_it(entry)).collect()))?;
        let path = self.blob_path(digest);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(SourceError::Io { path, source }),
        }
    }
}

fn with_entry(entries: Vec<Value>, entry: &Descriptor) -> Vec<Value> {
    let index = bytes_of(&json!({ "manifests": entries }));
    let added = list_with(Some(&index), std::slice::from_ref(entry)).ok().flatten();
    let added = added.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let added = added.and_then(|index| index.get("manifests")?.as_array().cloned());
    added.unwrap_or(entries)
}

fn with_tag(
    entries: Vec<Value>,
    descriptor: &Descriptor,
    tag: &Tag,
    state: Option<&str>,
) -> Result<Vec<Value>, Put> {
    let of_tag = |entry: &Value| {
        let name = entry.get("annotations").and_then(|annotations| annotations.get(REF_NAME));
        name.and_then(Value::as_str) == Some(tag.as_str())
    };
    let (old, mut rest): (Vec<Value>, Vec<Value>) = entries.into_iter().partition(of_tag);
    let now = old.first().and_then(|entry| entry.get("digest")).and_then(Value::as_str);
    if state.is_some() && state != now {
        return Err(Put::Changed);
    }
    rest.push(value_of(descriptor));
    Ok(rest)
}

/// The content of `oci-layout`. Source: OCI image specification 1.1, `image-layout.md`.
pub(super) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

fn empty_index() -> Vec<u8> {
    bytes_of(&json!({
        "schemaVersion": 2,
        "mediaType": crate::oci::manifest::OCI_INDEX,
        "manifests": [],
    }))
}

/// Writes a file so that it is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), SourceError> {
    let failed = |source| SourceError::Io { path: path.to_owned(), source };
    let partial = path.with_extension("partial");
    let mut file = create_new(&partial).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&partial, path).map_err(failed)
}

/// A new file in the place of what an earlier attempt left. A link there, as a layout of strangers may have, is not
/// followed.
fn create_new(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::create_new(path),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
