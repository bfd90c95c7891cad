//! Documents that were written of a bill: found in the cache without the bill, and kept there as they are written.

use std::io::{self, Write};

use super::{Options, results::Cache};
use crate::{
    cache::{Asked, Keeping, KeptDocument, Key},
    document::{self, Document},
    source::Source,
};

/// The documents about a subject that are kept.
#[derive(Debug)]
pub struct KeptDocuments<'a> {
    source: &'a dyn Source,
    cache: Cache<'a>,
    bill: Key,
    layers: Vec<Key>,
}

impl<'a> KeptDocuments<'a> {
    /// Those of `source`; none where no bill is kept either: without a cache, where layers may be read in part, and where a layer
    /// has no digest.
    pub fn of(source: &'a dyn Source, options: &'a Options) -> Option<Self> {
        let cache = Cache::of(options)?;
        let (bill, layers) = cache.bill(&source.subject().layers, options)?;
        Some(Self { source, cache, bill, layers })
    }

    /// The very bytes that a scan would lead to, if they are kept: of the bill that [`scan`](super::scan) gives, the document
    /// within the same limits, with the facts that are stated.
    pub fn find(&self, asked: &Asked<'_>) -> Option<KeptDocument> {
        self.cache.kept.document(&self.key(asked), &self.bill, &self.layers)
    }

    fn key(&self, asked: &Asked<'_>) -> Key {
        self.cache.keys.document(&self.bill, self.source.subject(), asked)
    }
}

/// That digests proved all layers of a subject, so that documents about it may be kept. Only a scan gives it.
#[derive(Debug)]
pub struct Proved<'a>(KeptDocuments<'a>);

impl<'a> Proved<'a> {
    pub(super) fn new(is_proved: bool, source: &'a dyn Source, options: &'a Options) -> Option<Self> {
        if is_proved { KeptDocuments::of(source, options).map(Self) } else { None }
    }

    /// Writes `document` as [`document::write`] does, and keeps the bytes. It must be the document of the bill that came with
    /// this proof, within the limits of the scan, with the facts that `asked` states and nothing else. The only errors are
    /// those of `out`: if the bytes cannot be kept, [`LayerCache::fault`](crate::cache::LayerCache::fault) says so.
    pub fn write(&self, asked: &Asked<'_>, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let Self(documents) = self;
        let cache = documents.cache.kept;
        let Some(keeping) = cache.keep_document(documents.key(asked), document) else {
            return document::write(document, asked.format, asked.inputs, out);
        };
        let mut both = Both { out, keeping };
        document::write(document, asked.format, asked.inputs, &mut both)?;
        both.keeping.finish();
        Ok(())
    }
}

impl Drop for Proved<'_> {
    fn drop(&mut self) {
        self.0.cache.kept.make_room();
    }
}

/// Keeps what `out` takes.
struct Both<'a, 'c> {
    out: &'a mut dyn Write,
    keeping: Keeping<'c>,
}

impl Write for Both<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.keeping.add(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
