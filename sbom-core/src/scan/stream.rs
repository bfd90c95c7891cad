//! Scans an archive that can be read only once: whatever may be a layer is read as it passes, and what was
//! found counts once the archive has said which of it are the layers of which image.

use std::{io::Read, num::NonZeroUsize};

use super::{
    Options, Progress, ScanError, files_behind_links,
    inspect::{Inspector, Shared},
    pipeline::Pipeline,
    stored::{Archive, check_stored, check_unpacked, walk_archive},
};
use crate::{
    bom::{
        Bom,
        assemble::assemble,
        overlay::{LayerContent, Overlay},
    },
    detect::{Gap, GapKind},
    digest::{Algorithm, Digest},
    layer::decompress::Compression,
    limits::{LimitExceeded, Limits},
    oci::LayerDescriptor,
    source::{
        Choice, Selection,
        stream::{StreamArchive, StreamImage, StreamMember},
    },
};

#[cfg(test)]
mod tests;

/// Members of fewer bytes are not worth a thread that unpacks ahead.
const SMALL: u64 = 1 << 20;

/// What was found in a member of the archive, should it turn out to be a layer.
struct MemberRead {
    content: LayerContent,
    /// Its length, as stored.
    size: u64,
    /// The digest of its stored bytes, if its name is one.
    stored: Option<Digest>,
    /// The digest of its unpacked bytes, if it is known: it is computed only where no name binds the stored ones.
    unpacked: Option<Digest>,
}

/// What a gap takes beside its texts, in entries.
const GAP_ENTRIES: u64 = 4;

/// What is held of all members so far: which of them are layers of an image that is wanted shows at the end.
#[derive(Default)]
struct Total {
    /// Entries, and gaps as so many of them.
    entries: u64,
    /// Bytes of names, link targets, and texts of gaps.
    names: u64,
    captured: u64,
    records: u64,
}

impl Total {
    /// Adds `content`, unless that would be too much.
    fn add(&mut self, content: &LayerContent, limits: &Limits) -> Result<(), LimitExceeded> {
        let gaps = content.gaps.iter().count() as u64;
        let entries = (content.entries.len() as u64).saturating_add(gaps.saturating_mul(GAP_ENTRIES));
        let entries = self.entries.saturating_add(entries);
        let texts: u64 = content.gaps.iter().map(text_bytes).sum();
        let names = self.names.saturating_add(content.names_bytes()).saturating_add(texts);
        let captured = self.captured.saturating_add(content.captured_bytes());
        let records = self.records.saturating_add(content.records());
        limits.image_entries.check(entries)?;
        limits.names_bytes.check(names)?;
        limits.captured_bytes.check(captured)?;
        limits.records.check(records)?;
        *self = Self { entries, names, captured, records };
        Ok(())
    }
}

/// Bytes of the message and the path of `gap`.
fn text_bytes(gap: &Gap) -> u64 {
    let path = gap.path.as_ref().map_or(0, |path| path.as_bytes().len());
    (gap.message.len() + path) as u64
}

/// Scans the images in `archive` that `choice` and `selection` name, one bill each.
pub fn scan_stream(
    archive: StreamArchive<'_>,
    choice: &Choice,
    selection: &Selection,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<Bom>, ScanError> {
    let shared = Shared::new(options);
    let mut total = Total::default();
    let mut count = 0;
    let contents = archive.read(&mut |member: &StreamMember, bytes: &mut (dyn Read + Send)| {
        let layer = LayerDescriptor { index: count, size: Some(member.size), ..LayerDescriptor::default() };
        count += 1;
        let read = read_member(&layer, member, bytes, &shared, progress).and_then(|read| {
            let limit = |source| ScanError::Limit { at: layer.label(), source };
            total.add(&read.content, shared.limits()).map_err(limit)?;
            Ok(read)
        });
        // A member that cannot be read as a layer matters only if it is one.
        Ok::<_, ScanError>(read)
    })?;
    shared.end_reading();
    let mut found = contents.finish(choice, selection)?;
    let mut uses = vec![0_usize; found.results.len()];
    for result in found.images.iter().flat_map(|image| &image.layers) {
        if let Some(uses) = uses.get_mut(*result) {
            *uses += 1;
        }
    }
    for (result, _) in found.results.iter_mut().zip(&uses).filter(|(_, uses)| **uses == 0) {
        *result = Err(ScanError::Stopped);
    }
    found.images.iter().map(|image| bill(image, &mut found.results, &mut uses, &shared)).collect()
}

fn read_member(
    layer: &LayerDescriptor,
    member: &StreamMember,
    stored: &mut (dyn Read + Send),
    shared: &Shared<'_>,
    progress: &dyn Progress,
) -> Result<MemberRead, ScanError> {
    let mut inspector = Inspector::new(shared, layer.index, &|| false);
    progress.begin(layer);
    // The digest that a member is named by binds all that is unpacked from it, as everywhere.
    let unpacked = member.digest.is_none().then_some(Algorithm::Sha256);
    let (limits, windows) = (shared.limits(), &shared.windows);
    let archive = Archive { stored, layer, unpacked, limits, windows, window: None, progress };
    let pipeline = Pipeline::new(&[member.size], 2, shared.aside.clone());
    let read = std::thread::scope(|scope| -> Result<_, ScanError> {
        let _layer = pipeline.take_on(member.size);
        if shared.options.jobs > NonZeroUsize::MIN && member.size >= SMALL {
            scope.spawn(|| pipeline.help());
        }
        let mut walked = walk_archive(archive, &pipeline, &mut inspector)?;
        if let Some(gap) = walked.note.take() {
            inspector.gap(gap);
        }
        Ok((walked, inspector.finish(&|| pipeline.wake())))
    });
    progress.end(layer);
    let (walked, content) = read?;
    let stored = member.digest.clone();
    // Of what is not compressed the one digest is the other.
    let same = stored.clone().filter(|_| walked.compression == Compression::None);
    let unpacked = walked.unpacked.or(same);
    Ok(MemberRead { content, size: member.size, stored, unpacked })
}

/// Checks that what was read is `layer`: by the digest of the stored bytes, and only where the layer states none by that
/// of the unpacked ones. Gives a gap if that which counts is not known, as where a link gives a member another name.
fn check(layer: &LayerDescriptor, read: &MemberRead) -> Result<Option<Gap>, ScanError> {
    if let Some(expected) = layer.size.filter(|size| *size != read.size) {
        return Err(ScanError::Size { layer: layer.label(), expected, found: read.size });
    }
    match (&layer.digest, &layer.diff_id, &read.stored, &read.unpacked) {
        (Some(expected), _, Some(found), _) => {
            return check_stored(layer, Some(expected), Some(found.clone())).map(|()| None);
        }
        (None, Some(expected), _, Some(found)) if expected.algorithm() == found.algorithm() => {
            return check_unpacked(layer, Some(expected), Some(found.clone())).map(|()| None);
        }
        _ => {}
    }
    let message = "nothing proves its bytes: of a stream, whose layers are named last, no digest is computed of the \
                   kind that the image states; scan the image from a file to have them checked";
    Ok(Some(Gap { layer: Some(layer.index), ..Gap::new(GapKind::Unsupported, message) }))
}

/// The bill of `image`. `uses` tells how often each of `results` is still to be used.
fn bill(
    image: &StreamImage,
    results: &mut [Result<MemberRead, ScanError>],
    uses: &mut [usize],
    shared: &Shared<'_>,
) -> Result<Bom, ScanError> {
    let limits = shared.limits();
    let mut overlay = Overlay::new(limits);
    for (layer, result) in image.subject.layers.iter().zip(&image.layers) {
        let read = match results.get_mut(*result) {
            Some(Ok(read)) => read,
            Some(failed) => return Err(take_error(failed).of_layer(layer)),
            None => return Err(ScanError::Stopped),
        };
        if let Some(gap) = check(layer, read)? {
            overlay.gap(gap);
        }
        let mut content = match uses.get_mut(*result) {
            Some(more @ 2..) => {
                *more -= 1;
                read.content.clone()
            }
            _ => std::mem::take(&mut read.content),
        };
        content.gaps = content.gaps.in_layer(layer.index);
        overlay.fold(content).map_err(|source| ScanError::Limit { at: layer.label(), source })?;
    }
    for (layer, files) in files_behind_links(&mut overlay, shared) {
        for path in files.into_values().flatten() {
            let message = "it is a link to a file of another name, which a stream has passed; \
                           scan the image from a file or registry to read it";
            let gap = Gap::new(GapKind::Unresolved, message);
            overlay.gap(Gap { layer: Some(layer), path: Some(path), ..gap });
        }
    }
    Ok(assemble(image.subject.clone(), overlay, &shared.options.bill, limits))
}

/// The first failure ends the scan, so that nobody asks for it a second time.
fn take_error(result: &mut Result<MemberRead, ScanError>) -> ScanError {
    std::mem::replace(result, Err(ScanError::Stopped)).err().unwrap_or(ScanError::Stopped)
}

impl ScanError {
    /// The error as one of `layer`: until the archive has ended, a member has no better name than its number.
    fn of_layer(self, of: &LayerDescriptor) -> Self {
        let layer = of.label();
        match self {
            Self::Layer { source, .. } => Self::Layer { layer, source },
            Self::Size { expected, found, .. } => Self::Size { layer, expected, found },
            Self::Limit { source, .. } => Self::Limit { at: layer, source },
            other => other,
        }
    }
}
