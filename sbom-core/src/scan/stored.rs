//! A layer's stored bytes: read once, counted, hashed, decompressed, walked, and checked at the end.

use std::{
    io::{self, Read},
    sync::Arc,
};

use sbom_inflate::Beside;

use super::{
    Progress, ScanError, Stop,
    inspect::{Inspector, Shared},
    pipeline::{Pipeline, Unpack},
};
use crate::{
    bom::overlay::LayerContent,
    detect::{Gap, GapKind},
    digest::{Algorithm, Digest, Hasher, hashing::Hashing},
    layer::{
        EntrySink, LayerError,
        decompress::{Compression, Decompressor, ZSTD_WINDOW_BYTES},
        folder, walk,
    },
    limits::{Budget, Limits, Share, read_full},
    oci::LayerDescriptor,
    source::{LayerBytes, Source},
};

/// The pipeline by which the layers of a source are read.
pub(super) type Layers<'a> = Pipeline<Unpacked<'a, Box<dyn Read + Send>>>;

/// Where a layer's bytes come from, and who hears of them.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) progress: &'a dyn Progress,
    pub(super) limits: &'a Limits,
    pub(super) windows: &'a Budget,
}

/// What the walk of a layer gives, beside what its sink took.
pub(super) struct WalkedLayer {
    /// That bytes behind the end of the archive could not be read.
    note: Option<Gap>,
    /// Whether a digest was found to be that of the bytes that were read: of folders and files nothing is proved.
    pub(super) is_proved: bool,
}

/// Reads one layer and all that detectors want of it. Gives also whether a digest proved its bytes.
pub(super) fn read_layer<'a>(
    reading: Reading<'a>,
    layer: &'a LayerDescriptor,
    shared: &Shared<'_>,
    pipeline: &Layers<'a>,
    stop: Stop<'_>,
) -> Result<(LayerContent, bool), ScanError> {
    let mut inspector = Inspector::new(shared, layer.index, stop);
    reading.progress.begin(layer);
    let walked = walk_layer(reading, layer, pipeline, &mut inspector);
    reading.progress.end(layer);
    let walked = walked?;
    if let Some(gap) = walked.note {
        inspector.gap(gap);
    }
    Ok((inspector.finish(&|| pipeline.wake()), walked.is_proved))
}

/// Walks one layer with `sink`, and checks its digest and size.
pub(super) fn walk_layer<'a>(
    reading: Reading<'a>,
    layer: &'a LayerDescriptor,
    pipeline: &Layers<'a>,
    sink: &mut dyn EntrySink,
) -> Result<WalkedLayer, ScanError> {
    let Reading { source, progress, limits, windows } = reading;
    // Taken before it is opened where that is known: whoever sends does not wait until somebody reads.
    let is_zstd = layer.media_type.ends_with("+zstd");
    let window = is_zstd.then(|| windows.take(ZSTD_WINDOW_BYTES));
    let opened = source
        .open(layer)
        .map_err(|source| ScanError::Source { layer: layer.label(), source: Box::new(source) })?;
    let failed = |source| match source {
        LayerError::Stopped => ScanError::Stopped,
        source => ScanError::Layer { layer: layer.label(), source },
    };
    match opened {
        LayerBytes::Archive(stored) => {
            // A digest over the stored bytes binds all that is unpacked from them; only without it is the
            // other one needed.
            let diff_id = layer.diff_id.as_ref().filter(|_| layer.digest.is_none());
            let unpacked = diff_id.map(Digest::algorithm);
            let archive = Archive { stored, layer, unpacked, limits, windows, window, progress };
            let walked = walk_archive(archive, pipeline, sink)?;
            check_unpacked(layer, diff_id, walked.unpacked)?;
            let is_proved = layer.digest.is_some() || diff_id.is_some();
            return Ok(WalkedLayer { note: walked.note, is_proved });
        }
        LayerBytes::Folder(path) => folder::walk_folder(&path, limits, sink).map_err(failed)?,
        LayerBytes::File(path) => folder::walk_file(&path, sink).map_err(failed)?,
    }
    Ok(WalkedLayer { note: None, is_proved: false })
}

/// An archive as it is stored.
pub(super) struct Archive<'a, R> {
    pub(super) stored: R,
    /// What its bytes must agree with.
    pub(super) layer: &'a LayerDescriptor,
    /// How its unpacked bytes are hashed, if they are, too.
    pub(super) unpacked: Option<Algorithm>,
    pub(super) limits: &'a Limits,
    /// Where the windows of decompressors come from.
    pub(super) windows: &'a Budget,
    /// One that was taken already.
    pub(super) window: Option<Share<'a>>,
    pub(super) progress: &'a dyn Progress,
}

/// What the walk of an archive gives, beside what its sink took.
pub(super) struct Walked {
    /// That bytes behind the end of the archive could not be read.
    pub(super) note: Option<Gap>,
    /// The digest of all unpacked bytes, if it was asked for.
    pub(super) unpacked: Option<Digest>,
    /// How the stored bytes are compressed.
    pub(super) compression: Compression,
}

/// Checks the digest of a layer's stored bytes.
pub(super) fn check_stored(
    layer: &LayerDescriptor,
    expected: Option<&Digest>,
    found: Option<Digest>,
) -> Result<(), ScanError> {
    same(layer, expected, found, "stored bytes")
}

/// Checks the digest of a layer's unpacked bytes.
pub(super) fn check_unpacked(
    layer: &LayerDescriptor,
    expected: Option<&Digest>,
    found: Option<Digest>,
) -> Result<(), ScanError> {
    same(layer, expected, found, "unpacked bytes")
}

/// Walks an archive with `sink`, by way of `pipeline`, and checks its stored bytes against what its layer says.
pub(super) fn walk_archive<'a, R: Read>(
    archive: Archive<'a, R>,
    pipeline: &Pipeline<Unpacked<'a, R>>,
    sink: &mut dyn EntrySink,
) -> Result<Walked, ScanError> {
    let Archive { stored, layer, unpacked, limits, windows, window, progress } = archive;
    let check = Check { layer, limits };
    check.declared_size()?;
    let most = layer.size.unwrap_or(u64::MAX).min(limits.layer_bytes.value).saturating_add(1);
    let hashing = layer.digest.as_ref().map(|digest| pipeline.hashings().begin(digest.algorithm()));
    let stored = Stored { inner: stored.take(most), counted: 0, hashing: hashing.clone(), layer, progress };
    let inner = Decompressor::new(stored).map_err(|error| check.read_error(0, error))?;
    // Taken for the whole layer, and before any share of the memory for files: who holds one of those never waits for this.
    let compression = inner.compression();
    let is_zstd = compression == Compression::Zstd;
    let _window = window.or_else(|| is_zstd.then(|| windows.take(ZSTD_WINDOW_BYTES)));
    let hasher = unpacked.map(Hasher::new);
    let is_beside = compression == Compression::Gzip;
    let _beside = is_beside.then(|| pipeline.hashings().unpack_beside()).flatten();
    let mut unpacked = pipeline.begin(Unpacked { inner, bytes: 0, limits, hasher }, hashing);

    let walked = walk::walk_archive(&mut unpacked, limits, sink);
    // What follows the end of the archive is no part of it, but of the bytes that were hashed.
    let rest = if walked.is_ok() { io::copy(&mut unpacked, &mut io::sink()) } else { Ok(0) };
    let (Some(Unpacked { inner, bytes, hasher, .. }), exceeded) = unpacked.stop() else {
        return Err(ScanError::Stopped);
    };
    if matches!(walked, Err(LayerError::Stopped)) {
        return Err(ScanError::Stopped);
    }
    if let Some(source) = exceeded {
        return Err(ScanError::Limit { at: layer.label(), source });
    }
    // How much was unpacked ahead of a walk that failed is a matter of chance.
    let offset = walked.as_ref().map_or_else(LayerError::offset, |_| bytes);
    // Damage in transit explains whatever else is wrong, so it is looked for first.
    let stored = inner.drain().map_err(|error| check.read_error(offset, error))?;
    check.size(stored.counted)?;
    check_stored(layer, layer.digest.as_ref(), stored.hashing.map(|hashing| hashing.finish()))?;
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
    Ok(Walked { note, unpacked: hasher.map(Hasher::finish), compression })
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
    inner: io::Take<R>,
    counted: u64,
    hashing: Option<Arc<Hashing>>,
    layer: &'a LayerDescriptor,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Stored<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // As much as there is room for, so that nothing that follows depends on how the bytes arrive.
        let count = read_full(&mut self.inner, buffer)?;
        if let Some(hashing) = &self.hashing {
            hashing.add(buffer.get(..count).unwrap_or_default());
        }
        self.counted = self.counted.saturating_add(count as u64);
        self.progress.advance(self.layer, self.counted);
        Ok(count)
    }
}

/// The unpacked bytes, bounded, and hashed where that is needed.
pub(super) struct Unpacked<'a, R: Read> {
    inner: Decompressor<Stored<'a, R>>,
    bytes: u64,
    limits: &'a Limits,
    hasher: Option<Hasher>,
}

impl<R: Read> Unpack for Unpacked<'_, R> {
    fn unpack(&mut self, buffer: &mut [u8], beside: &mut dyn Beside) -> io::Result<usize> {
        let count = self.inner.read_beside(buffer, beside)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        self.bytes = self.bytes.saturating_add(count as u64);
        let stored = self.inner.stored().counted;
        self.limits.check_unpacked(self.bytes, stored).map_err(io::Error::other)?;
        Ok(count)
    }

    fn left(&self) -> u64 {
        let stored = self.inner.stored();
        stored.layer.size.unwrap_or(0).saturating_sub(stored.counted)
    }
}
