//! A document as it was written ↔ the body of an entry: what is missing from it, and then its bytes as they are.
//!
//! Its key is of all that decides the bytes: of what decides the bill, of the subject as a whole, and of what is [`Asked`].

use std::{
    io::{self, Write},
    ops::Range,
    sync::Arc,
};

use super::{
    CacheError, LayerCache,
    codec::{Body, Malformed, Reader, Record, Writer},
    entry::{FRAME_BYTES, Seal},
    folder::Draft,
    key::{Key, Of},
    records::{choice, record},
};
use crate::{
    document::{Document, Format, Inputs, Snapshot, Tool, model::Gap, stated::Stated},
    oci::{Image, LayerDescriptor, Platform, Proof, Subject, SubjectKind},
};

/// What decides the bytes of a document beside the bill and the subject.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The format.
    pub format: Format,
    /// What the document says beside its content.
    pub inputs: &'a Inputs,
    /// The facts that are put into it before it is written.
    pub stated: &'a Stated,
}

impl Asked<'_> {
    pub(super) fn put(&self, out: &mut Writer) {
        let Self { format, inputs, stated } = self;
        // The bytes are the same for any number of jobs.
        let Inputs { timestamp, tool, options_fingerprint, columns, snapshot, jobs: _ } = inputs;
        let Tool { name, version } = tool;
        let Snapshot { sha, reference, job, correlator } = snapshot;
        format.to_string().put(out);
        timestamp.unix().put(out);
        columns.put(out);
        for text in [name, version, options_fingerprint, sha, reference, job, correlator] {
            text.put(out);
        }
        stated.fingerprint().put(out);
    }
}

/// A document that was found in the cache.
#[derive(Debug, Clone)]
pub struct KeptDocument {
    /// What could not be read, as [`Document::gaps`] has it.
    pub gaps: Vec<Gap>,
    /// How many further gaps there are, as [`Document::gaps_not_listed`] has it.
    pub gaps_not_listed: u64,
    entry: Arc<Vec<u8>>,
    text: Range<usize>,
}

impl KeptDocument {
    /// The document, as it was written.
    pub fn text(&self) -> &[u8] {
        self.entry.get(self.text.clone()).unwrap_or_default()
    }
}

pub(super) fn read(body: &Body<'_>) -> Result<KeptDocument, Malformed> {
    let mut input = Reader::within(body);
    let (gaps, gaps_not_listed) = Record::take(&mut input)?;
    let begin = body.at.end.checked_sub(input.left()).ok_or(Malformed)?;
    Ok(KeptDocument { gaps, gaps_not_listed, entry: Arc::clone(body.entry), text: begin..body.at.end })
}

/// An entry that grows while a document is written. Nothing is kept before its [end](Keeping::finish).
#[derive(Debug)]
pub(crate) struct Keeping<'a> {
    cache: &'a LayerCache,
    key: Key,
    seal: Seal,
    /// None once it is too long, or cannot be written.
    draft: Option<Draft<'a>>,
    /// Bytes that may still follow.
    left: u64,
}

impl LayerCache {
    /// Begins to keep `document`; none if nothing is to be kept.
    pub(crate) fn keep_document(&self, key: Key, document: &Document) -> Option<Keeping<'_>> {
        if !self.state().writes {
            return None;
        }
        let left = self.entry_limit(Of::Document).value.saturating_sub(FRAME_BYTES);
        let mut gaps = Writer::within(usize::try_from(left).unwrap_or(usize::MAX));
        document.gaps.put(&mut gaps);
        document.gaps_not_listed.put(&mut gaps);
        let gaps = gaps.finish()?;
        let (seal, head) = Seal::new(&key);
        let mut draft = self.folder.draft();
        let begun = self.timed(|| {
            self.folder.make()?;
            draft.write(&head)
        });
        if let Err(error) = begun {
            self.fail(error);
            return None;
        }
        let mut keeping = Keeping { cache: self, key, seal, draft: Some(draft), left };
        keeping.add(&gaps);
        Some(keeping)
    }
}

impl Keeping<'_> {
    fn add(&mut self, bytes: &[u8]) {
        let fits = self.left.checked_sub(bytes.len() as u64);
        let Some(draft) = self.draft.as_mut().filter(|_| fits.is_some() && self.cache.state().writes) else {
            self.draft = None;
            return;
        };
        self.left = fits.unwrap_or_default();
        self.seal.add(bytes);
        if let Err(error) = self.cache.timed(|| draft.write(bytes)) {
            self.draft = None;
            self.cache.fail(error);
        }
    }

    /// Keeps what was written, which is all of it.
    pub(crate) fn finish(self) {
        let Self { cache, key, seal, draft, left: _ } = self;
        let Some(mut draft) = draft else { return };
        let tail = seal.finish();
        let put = || -> Result<(), CacheError> {
            draft.write(&tail)?;
            draft.put(&key)
        };
        cache.after_writing(cache.timed(put));
    }
}

/// Never fails: a document is written whether it can be kept or not.
impl Write for Keeping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

record!(Gap { kind, message, layer, diff_id, path, offset, detector });

record!(Subject { kind, name, tag, layers });
choice!(SubjectKind { 0 => Image(image), 1 => Folder, 2 => File(digest) });
record!(Image {
    manifest_digest,
    manifest_sha512,
    index_digest,
    config_digest,
    platform,
    created,
    labels,
    repository,
    tags,
});
record!(Platform { os, architecture, variant, os_version });
record!(LayerDescriptor { index, digest, size, diff_id, media_type, created_by, partial });
choice!(Proof { 0 => Estargz, 1 => ZstdChunked, 2 => Nothing });
