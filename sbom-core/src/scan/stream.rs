//! Scans an archive that can be read only once: whatever may be a layer is read as it passes, and what was
//! found counts once the archive has said which of it are the layers of which image.

use std::{
    collections::BTreeSet,
    io::Read,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    Options, Progress, ScanError, files_behind_links,
    inspect::{Inspector, Shared},
    pipeline::Pipeline,
    stored::{Archive, check_unpacked, walk_archive},
};
use crate::{
    bom::{
        Bom,
        assemble::assemble,
        overlay::{LayerContent, Overlay},
    },
    detect::{Gap, GapKind},
    digest::Digest,
    image_path::ImagePath,
    oci::LayerDescriptor,
    source::{
        Choice, Selection,
        stream::{StreamArchive, StreamImage, StreamMember},
    },
};

/// What was found in a member of the archive, should it turn out to be a layer.
struct MemberRead {
    content: LayerContent,
    links: BTreeSet<ImagePath>,
    unpacked: Option<Digest>,
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
    let count = AtomicUsize::new(0);
    let contents = archive.read(&mut |member: &StreamMember, bytes: &mut dyn Read| {
        let index = count.fetch_add(1, Ordering::Relaxed);
        // A member that cannot be read as a layer matters only if it is one.
        Ok::<_, ScanError>(read_member(index, member, bytes, &shared, progress))
    })?;
    let mut found = contents.finish(choice, selection)?;
    let mut uses = vec![0; found.results.len()];
    for result in found.images.iter().flat_map(|image| &image.layers) {
        if let Some(uses) = uses.get_mut(*result) {
            *uses += 1;
        }
    }
    found.images.iter().map(|image| bill(image, &mut found.results, &mut uses, &shared)).collect()
}

fn read_member(
    index: usize,
    member: &StreamMember,
    bytes: &mut dyn Read,
    shared: &Shared<'_>,
    progress: &dyn Progress,
) -> Result<MemberRead, ScanError> {
    let layer = LayerDescriptor { index, size: Some(member.size), ..LayerDescriptor::default() };
    let mut inspector = Inspector::new(shared, index, &|| false);
    progress.begin(&layer);
    let (limits, windows) = (shared.limits(), &shared.windows);
    let archive = Archive {
        stored: bytes,
        layer: &layer,
        hash_unpacked: true,
        limits,
        windows,
        window: None,
        progress,
    };
    let walked = walk_archive(archive, &Pipeline::new(1), &mut inspector);
    progress.end(&layer);
    let walked = walked?;
    if let Some(gap) = walked.note {
        inspector.gap(gap);
    }
    let (content, links) = inspector.finish();
    Ok(MemberRead { content, links, unpacked: walked.unpacked })
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
    let mut links = BTreeSet::new();
    for (layer, result) in image.subject.layers.iter().zip(&image.layers) {
        let read = match results.get_mut(*result) {
            Some(Ok(read)) => read,
            Some(failed) => return Err(take_error(failed).of_layer(layer)),
            None => return Err(ScanError::Stopped),
        };
        check_unpacked(layer, layer.diff_id.as_ref(), read.unpacked.clone())?;
        let mut content = match uses.get_mut(*result) {
            Some(more @ 2..) => {
                *more -= 1;
                read.content.clone()
            }
            _ => std::mem::take(&mut read.content),
        };
        content.gaps = content.gaps.in_layer(layer.index);
        overlay.fold(content).map_err(|source| ScanError::Limit { at: layer.label(), source })?;
        links.extend(read.links.iter().cloned());
    }
    for (layer, files) in files_behind_links(&overlay, shared, links) {
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
