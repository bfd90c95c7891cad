//! A store in memory, which does as registries do, and lies as it is told to.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    attach::store::{Open, Put, Referrers, Sink, Store, Tagged},
    digest::Digest,
    oci::{
        Descriptor,
        manifest::Document,
        reference::{Repository, Tag, Target},
    },
    source::{ContentStore, SourceError},
};

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whether it keeps lists of referrers.
    pub(super) api: bool,
    /// Whether it heeds conditions.
    pub(super) conditions: bool,
    /// Whether it leaves out of its lists what it takes.
    pub(super) forgets: bool,
    /// How long writing a tag takes.
    pub(super) slowness: Duration,
    pub(super) kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    manifests: BTreeMap<Digest, (String, Vec<u8>)>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    tags: BTreeMap<String, Digest>,
    referrers: BTreeMap<Digest, Vec<Descriptor>>,
    /// What it gives in place of what is asked for.
    lies: BTreeMap<Digest, Vec<u8>>,
    refuses_lists: bool,
    requests: usize,
}

impl Memory {
    pub(super) fn with_api() -> Self {
        Self { api: true, ..Self::default() }
    }

    pub(super) fn requests(&self) -> usize {
        self.kept().requests
    }

    pub(super) fn lie(&self, digest: &Digest, bytes: &[u8]) {
        self.kept().lies.insert(digest.clone(), bytes.to_vec());
    }

    pub(super) fn forget(&self, digest: &Digest) {
        self.kept().manifests.remove(digest);
        self.kept().blobs.remove(digest);
    }

    pub(super) fn refuse_lists(&self) {
        self.kept().refuses_lists = true;
    }

    /// Keeps a manifest, and notes what it refers to.
    pub(super) fn keep(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let target = Target::Digest(Digest::of(bytes));
        self.put_manifest(&target, media_type, bytes, None).unwrap();
        Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    pub(super) fn tag(&self, tag: &Tag, media_type: &str, bytes: &[u8]) {
        self.put_manifest(&Target::Tag(tag.clone()), media_type, bytes, None).unwrap();
    }

    pub(super) fn keep_blob(&self, bytes: &[u8]) -> Descriptor {
        self.kept().blobs.insert(Digest::of(bytes), bytes.to_vec());
        Descriptor::new("", Digest::of(bytes), bytes.len() as u64)
    }

    /// Puts an entry into a list without any truth to it.
    pub(super) fn list(&self, subject: &Digest, entry: Descriptor) {
        self.kept().referrers.entry(subject.clone()).or_default().push(entry);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    fn missing(digest: &Digest) -> SourceError {
        SourceError::BlobMissing { digest: digest.clone(), place: "memory".to_owned() }
    }
}

impl ContentStore for Memory {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let mut kept = self.kept();
        kept.requests += 1;
        let digest = &descriptor.digest;
        let real = kept.manifests.get(digest).map(|(_, bytes)| bytes);
        kept.lies.get(digest).or(real).cloned().ok_or_else(|| Self::missing(digest))
    }

    fn blob(&self, digest: &Digest, _: u64) -> Result<Box<dyn Read + Send>, SourceError> {
        let mut kept = self.kept();
        kept.requests += 1;
        let bytes = kept.lies.get(digest).or(kept.blobs.get(digest)).cloned();
        Ok(Box::new(Cursor::new(bytes.ok_or_else(|| Self::missing(digest))?)))
    }
}

impl Store for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn tagged(&self, tag: &Tag) -> Result<Option<Tagged>, SourceError> {
        let mut kept = self.kept();
        kept.requests += 1;
        let Some(digest) = kept.tags.get(tag.as_str()) else { return Ok(None) };
        let (media_type, bytes) = &kept.manifests[digest];
        let descriptor = Descriptor::new(media_type.clone(), digest.clone(), bytes.len() as u64);
        let state = self.conditions.then(|| digest.to_string());
        Ok(Some(Tagged { descriptor, bytes: bytes.clone(), state }))
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, SourceError> {
        let mut kept = self.kept();
        kept.requests += 1;
        if kept.refuses_lists {
            let source = std::io::Error::other("403");
            return Err(SourceError::Stream { from: "the list".to_owned(), source });
        }
        if !self.api {
            return Ok(Referrers::Unsupported);
        }
        Ok(Referrers::Listed(kept.referrers.get(subject).cloned().unwrap_or_default(), Vec::new()))
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool, SourceError> {
        Ok(self.kept().blobs.contains_key(digest))
    }

    fn as_repository(&self) -> Option<&Repository> {
        None
    }
}

impl Sink for Memory {
    fn put_blob(
        &self,
        descriptor: &Descriptor,
        _: Option<&Repository>,
        open: &Open<'_>,
    ) -> Result<(), SourceError> {
        let mut bytes = Vec::new();
        std::io::copy(&mut open()?, &mut bytes).unwrap();
        assert_eq!(Digest::of(&bytes), descriptor.digest);
        self.kept().blobs.insert(descriptor.digest.clone(), bytes);
        Ok(())
    }

    fn put_manifest(
        &self,
        target: &Target,
        media_type: &str,
        bytes: &[u8],
        state: Option<&str>,
    ) -> Result<Put, SourceError> {
        std::thread::sleep(self.slowness);
        let digest = Digest::of(bytes);
        let mut kept = self.kept();
        if let Target::Tag(tag) = target {
            let now = kept.tags.get(tag.as_str()).map(ToString::to_string);
            if self.conditions && state.is_some() && state != now.as_deref() {
                return Ok(Put::Changed);
            }
            kept.tags.insert(tag.to_string(), digest.clone());
        }
        kept.manifests.insert(digest.clone(), (media_type.to_owned(), bytes.to_vec()));
        let Ok(Document::Manifest(manifest)) = Document::parse(bytes, media_type) else {
            return Ok(Put::Done);
        };
        let Some(subject) = manifest.subject.as_ref().filter(|_| self.api) else { return Ok(Put::Done) };
        let mut entry = Descriptor::new(media_type, digest, bytes.len() as u64);
        entry.artifact_type = manifest.artifact_type.clone();
        entry.annotations = manifest.annotations.clone();
        let list = kept.referrers.entry(subject.digest.clone()).or_default();
        list.retain(|known| known.digest != entry.digest);
        if !self.forgets {
            list.push(entry);
        }
        Ok(Put::Listed)
    }

    fn delete_manifest(&self, digest: &Digest) -> Result<bool, SourceError> {
        let mut kept = self.kept();
        for list in kept.referrers.values_mut() {
            list.retain(|entry| entry.digest != *digest);
        }
        Ok(kept.manifests.remove(digest).is_some())
    }
}
