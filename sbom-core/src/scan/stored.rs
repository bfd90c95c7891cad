//! A layer's stored bytes: read once, counted, hashed, decompressed, walked, and checked at the end.

use std::{
    cell::Cell,
    io::{self, Read},
};

use super::{
    LayerRead, Progress, ScanError, Stop,
    inspect::{Inspector, Shared},
};
use crate::{
    detect::{Gap, GapKind},
    digest::{Algorithm, Digest, Hasher},
    layer::{EntrySink, LayerError, decompress::Decompressor, folder, walk},
    limits::{LimitExceeded, Limits},
    oci::LayerDescriptor,
    source::{LayerBytes, Source},
};

/// Reads one layer and all that detectors want of it.
pub(super) fn read_layer(
    source: &dyn Source,
    layer: &LayerDescriptor,
    shared: &Shared<'_>,
    progress: &dyn Progress,
    stop: Stop<'_>,
) -> LayerRead {
    let mut inspector = Inspector::new(shared, layer.index, stop);
    progress.begin(layer);
    let note = walk_layer(source, layer, shared.limits(), progress, &mut inspector)?;
    progress.end(layer);
    if let Some(gap) = note {
        inspector.gap(gap);
    }
    Ok(inspector.finish())
}

/// Walks one layer with `sink`, and checks its digest and size. Gives a gap where bytes behind the end of the
/// archive could not be read.
pub(super) fn walk_layer(
    source: &dyn Source,
    layer: &LayerDescriptor,
    limits: &Limits,
    progress: &dyn Progress,
    sink: &mut dyn EntrySink,
) -> Result<Option<Gap>, ScanError> {
    let opened = source
        .open(layer)
        .map_err(|source| ScanError::Source { layer: layer.label(), source: Box::new(source) })?;
    let failed = |source| match source {
        LayerError::Stopped => ScanError::Stopped,
        source => ScanError::Layer { layer: layer.label(), source },
    };
    match opened {
        LayerBytes::Archive(reader) => {
            // A digest over the stored bytes binds all that is unpacked from them; only without it is the
            // other one needed.
            let diff_id = layer.diff_id.as_ref().filter(|_| layer.digest.is_none());
            let walked = walk_archive(reader, layer, diff_id.is_some(), limits, progress, sink)?;
            check_unpacked(layer, diff_id, walked.unpacked)?;
            Ok(walked.note)
        }
        LayerBytes::Folder(path) => folder::walk_folder(&path, limits, sink).map(|()| None).map_err(failed),
        LayerBytes::File(path) => folder::walk_file(&path, sink).map(|()| None).map_err(failed),
    }
}

/// What the walk of an archive gives, beside what its sink took.
pub(super) struct Walked {
    /// That bytes behind the end of the archive could not be read.
    pub(super) note: Option<Gap>,
    /// The digest of all unpacked bytes, if it was asked for.
    pub(super) unpacked: Option<Digest>,
}

/// Checks the digest of a layer's unpacked bytes.
pub(super) fn check_unpacked(
    layer: &LayerDescriptor,
    expected: Option<&Digest>,
    found: Option<Digest>,
) -> Result<(), ScanError> {
    same(layer, expected, found, "unpacked bytes")
}

/// Walks the archive `stored` with `sink` and checks its stored bytes against what `layer` says.
pub(super) fn walk_archive(
    stored: impl Read,
    layer: &LayerDescriptor,
    hash_unpacked: bool,
    limits: &Limits,
    progress: &dyn Progress,
    sink: &mut dyn EntrySink,
) -> Result<Walked, ScanError> {
    let check = Check { layer, limits };
    check.declared_size()?;
    let counted = Cell::new(0);
    let most = layer.size.unwrap_or(u64::MAX).min(limits.layer_bytes.value).saturating_add(1);
    let stored = Stored {
        inner: stored.take(most),
        counted: &counted,
        hasher: layer.digest.as_ref().map(|digest| Hasher::new(digest.algorithm())),
        report: &|bytes| progress.advance(layer, bytes),
    };
    let inner = Decompressor::new(stored).map_err(|error| check.read_error(0, error))?;
    let hasher = hash_unpacked.then(|| Hasher::new(Algorithm::Sha256));
    let mut unpacked = Unpacked { inner, bytes: 0, counted: &counted, limits, hasher, exceeded: None };

    let walked = walk::walk(&mut unpacked, limits, sink);
    if matches!(walked, Err(LayerError::Stopped)) {
        return Err(ScanError::Stopped);
    }
    // What follows the end of the archive is no part of it, but of the bytes that were hashed.
    let rest = if walked.is_ok() { io::copy(&mut unpacked, &mut io::sink()) } else { Ok(0) };
    let Unpacked { inner, bytes, hasher, exceeded, .. } = unpacked;
    if let Some(source) = exceeded {
        return Err(ScanError::Limit { at: layer.label(), source });
    }
    // Damage in transit explains whatever else is wrong, so it is looked for first.
    let stored = inner.drain().map_err(|error| check.read_error(bytes, error))?;
    check.size(counted.get())?;
    same(layer, layer.digest.as_ref(), stored.hasher.map(Hasher::finish), "stored bytes")?;
    walked.map_err(|source| ScanError::Layer { layer: layer.label(), source })?;
    let note = match rest {
        Ok(_) => None,
        // A digest over the unpacked bytes covers those too, so nothing would prove the rest.
        Err(error) if hasher.is_some() => return Err(check.read_error(bytes, error)),
        Err(error) => {
            let message = format!("what follows the end of the archive could not be read: {error}");
            Some(Gap::new(GapKind::Malformed, message).at(usize::try_from(bytes).unwrap_or(usize::MAX)))
        }
    };
    Ok(Walked { note, unpacked: hasher.map(Hasher::finish) })
}

/// Compares a digest with that expected, where there are both.
fn same(
    layer: &LayerDescriptor,
    expected: Option<&Digest>,
    found: Option<Digest>,
    of: &'static str,
) -> Result<(), ScanError> {
    match (expected, found) {
        (Some(expected), Some(found)) if *expected != found => {
            Err(ScanError::Digest { layer: layer.label(), of, found })
        }
        _ => Ok(()),
    }
}

/// What a layer must agree with.
#[derive(Clone, Copy)]
struct Check<'a> {
    layer: &'a LayerDescriptor,
    limits: &'a Limits,
}

impl Check<'_> {
    fn read_error(self, offset: u64, source: io::Error) -> ScanError {
        ScanError::Layer { layer: self.layer.label(), source: LayerError::Read { offset, source } }
    }

    fn declared_size(self) -> Result<(), ScanError> {
        self.within_limit(self.layer.size.unwrap_or(0))
    }

    fn size(self, found: u64) -> Result<(), ScanError> {
        match self.layer.size {
            Some(expected) if found != expected => {
                Err(ScanError::Size { layer: self.layer.label(), expected, found })
            }
            _ => self.within_limit(found),
        }
    }

    fn within_limit(self, bytes: u64) -> Result<(), ScanError> {
        let limit = |source| ScanError::Limit { at: self.layer.label(), source };
        self.limits.layer_bytes.check(bytes).map_err(limit)
    }
}

/// The stored bytes, counted, reported and hashed as they pass.
struct Stored<'a, R> {
    inner: R,
    counted: &'a Cell<u64>,
    hasher: Option<Hasher>,
    report: &'a dyn Fn(u64),
}

impl<R: Read> Read for Stored<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        self.counted.set(self.counted.get().saturating_add(count as u64));
        (self.report)(self.counted.get());
        Ok(count)
    }
}

/// Below this length any ratio of compression is accepted: an archive of a few empty files has a high one.
const ANY_RATIO: u64 = 1 << 30;

/// The unpacked bytes, bounded, and hashed where that is needed.
struct Unpacked<'a, R: Read> {
    inner: Decompressor<R>,
    bytes: u64,
    counted: &'a Cell<u64>,
    limits: &'a Limits,
    hasher: Option<Hasher>,
    exceeded: Option<LimitExceeded>,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        self.bytes = self.bytes.saturating_add(count as u64);
        let ratio = if self.bytes > ANY_RATIO { self.bytes / self.counted.get().max(1) } else { 0 };
        let bounded =
            self.limits.unpacked_bytes.check(self.bytes).and(self.limits.compression_ratio.check(ratio));
        if let Err(exceeded) = bounded {
            self.exceeded = Some(exceeded);
            return Err(io::Error::other(exceeded));
        }
        Ok(count)
    }
}
