//! From a source to a bill. The only module, but for the writing of long arrays, that starts threads.
//!
//! Layers are read in parallel, each streamed once: stored bytes → digest → decompressed → walked, with the
//! files that detectors want captured and read on the way. What a layer gave counts only once its digest and
//! size agree. Layers are then folded in their order, so that nothing depends on which was done first.

use std::{collections::BTreeMap, fmt::Debug, num::NonZeroUsize, sync::mpsc};

use crate::{
    bom::{
        Bom,
        assemble::{self, assemble},
        overlay::{LayerContent, Overlay},
    },
    cache::{Files, LayerCache},
    detect::{Detector, builtin},
    digest::Digest,
    image_path::ImagePath,
    layer::LayerError,
    limits::{LimitExceeded, Limits},
    oci::LayerDescriptor,
    source::{Source, SourceError},
};

mod alike;
mod aside;
mod inspect;
mod kept;
mod parts;
mod pipeline;
mod reread;
mod results;
mod schedule;
mod stored;
mod stream;
#[cfg(test)]
mod tests;
mod texts;

pub use kept::{KeptDocuments, Proved};
pub use stream::scan_stream;

use inspect::Shared;
use parts::{Lost, Parts};
use pipeline::Pipeline;
use results::Results;
use schedule::{Held, Next, Schedule};
use stored::{Layers, Reading};

/// How to scan.
#[derive(Debug)]
pub struct Options {
    /// Threads that read: each a layer, or ahead of another in its layer.
    pub jobs: NonZeroUsize,
    /// The bounds to keep to.
    pub limits: Limits,
    /// What decides the content of the bill.
    pub bill: assemble::Options,
    /// What reads the files.
    pub detectors: Vec<Box<dyn Detector>>,
    /// Where what layers gave is kept and found again. It changes nothing in a bill; that a layer's bytes have their
    /// digest was proved when its result was kept.
    pub cache: Option<LayerCache>,
    /// Whether only those parts of layers are read that detectors could want, where the source and the form of the
    /// layer allow it. The bill then says of which layers, and what proves those parts: nothing proves the whole.
    pub partial: bool,
}

impl Default for Options {
    /// As many layers at a time as there are processors, default bounds, all detectors, no cache.
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limits: Limits::default(),
            bill: assemble::Options::default(),
            detectors: builtin::detectors(),
            cache: None,
            partial: false,
        }
    }
}

/// A subject cannot be scanned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// It cannot be opened.
    #[error(transparent)]
    Subject(Box<SourceError>),
    /// Its bytes cannot be had.
    #[error("{layer}: {source}")]
    Source {
        /// Which layer.
        layer: String,
        /// Why.
        source: Box<SourceError>,
    },
    /// A layer cannot be read.
    #[error("{layer}: {source}")]
    Layer {
        /// Which layer.
        layer: String,
        /// What is wrong with it.
        source: LayerError,
    },
    /// A layer's bytes do not hash to its digest: it is damaged, or not the layer that the image names.
    #[error("{layer}: its {of} hash to {found}: it is damaged, or not the layer that the image names")]
    Digest {
        /// Which layer; its label names the digest expected.
        layer: String,
        /// What was hashed: stored or unpacked bytes.
        of: &'static str,
        /// What they hash to.
        found: Digest,
    },
    /// A layer is longer or shorter than the manifest says.
    #[error(
        "{layer}: {found} bytes where the manifest says {expected}: it is damaged, or not the layer that the image names"
    )]
    Size {
        /// Which layer.
        layer: String,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes found, or that many and more.
        found: u64,
    },
    /// A bound was hit.
    #[error("{at}: {source}")]
    Limit {
        /// Where.
        at: String,
        /// Which bound.
        source: LimitExceeded,
    },
    /// Another layer failed first.
    #[error("stopped, since another layer failed")]
    Stopped,
}

impl From<SourceError> for ScanError {
    fn from(error: SourceError) -> Self {
        Self::Subject(Box::new(error))
    }
}

/// Hears how far a scan is. Called from several threads.
pub trait Progress: Debug + Sync {
    /// The reading of a layer begins.
    fn begin(&self, layer: &LayerDescriptor);
    /// `bytes` of the layer as stored have been read so far.
    fn advance(&self, layer: &LayerDescriptor, bytes: u64);
    /// The layer is read.
    fn end(&self, layer: &LayerDescriptor);
    /// Something about the layer that is worth knowing and changes nothing in the bill.
    fn note(&self, _layer: &LayerDescriptor, _text: &str) {}
}

/// Progress that nobody hears of.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &LayerDescriptor) {}
    fn advance(&self, _: &LayerDescriptor, _: u64) {}
    fn end(&self, _: &LayerDescriptor) {}
}

/// Scans `source`.
///
/// The bill is a function of the source's bytes and of `options.bill`, `options.limits` and
/// `options.detectors`; `options.jobs` changes nothing in it.
pub fn scan(source: &dyn Source, options: &Options, progress: &dyn Progress) -> Result<Bom, ScanError> {
    scan_proved(source, options, progress).map(|(bom, _)| bom)
}

/// Scans `source` as [`scan`] does. If digests proved all layers, and there is a cache, documents that are made of the bill
/// may be kept there.
pub fn scan_proved<'a>(
    source: &'a dyn Source,
    options: &'a Options,
    progress: &dyn Progress,
) -> Result<(Bom, Option<Proved<'a>>), ScanError> {
    let mut partial = options.partial;
    loop {
        if let Some((bom, is_proved)) = scan_once(source, options, partial, progress)? {
            return Ok((bom, Proved::new(is_proved, source, options)));
        }
        partial = false;
    }
}

/// The bill, and whether all layers were proved; none if layers were read in `partial` and could not be a second time.
fn scan_once(
    source: &dyn Source,
    options: &Options,
    partial: bool,
    progress: &dyn Progress,
) -> Result<Option<(Bom, bool)>, ScanError> {
    let shared = Shared::new(options);
    let layers = &source.subject().layers;
    let reading = Reading { source, progress, limits: &options.limits, windows: &shared.windows };
    let results = Results::new(reading, &shared);
    if let Some(bom) = results.bill() {
        return Ok(Some((bom, true)));
    }
    let mut overlay = Overlay::new(&options.limits);
    let parts = Parts::new(source, &shared, progress, partial);
    let lengths: Vec<u64> = layers.iter().map(|layer| layer.size.unwrap_or(0)).collect();
    let pipeline = Pipeline::new(&lengths, options.jobs.get(), shared.aside.clone());
    let wake = || pipeline.wake();
    let all_proved = read_layers(layers, &shared, &mut overlay, &pipeline, &|layer, stop| match parts
        .read_layer(layer, stop, &wake)
    {
        Some(read) => Ok(LayerRead { content: read?, is_proved: false }),
        None => results.layer(layer, &pipeline, stop),
    })?;
    if let Some(Lost) = reread(layers, &results, &shared, &mut overlay, &parts)? {
        return Ok(None);
    }
    shared.end_reading();
    let mut subject = source.subject().clone();
    parts.mark(&mut subject, &mut overlay);
    let bom = assemble(subject, overlay, &options.bill, &options.limits);
    if all_proved {
        results.keep_bill(&bom);
    }
    Ok(Some((bom, all_proved)))
}

/// What reading one layer gives.
struct LayerRead {
    content: LayerContent,
    /// Whether a digest proved, now or when the result was kept, that its bytes are those of the layer.
    is_proved: bool,
}

/// Says whether the work on a layer has become pointless, or has to make room.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// Reads all layers with `jobs` threads, in the order of a [`Schedule`], and folds them in theirs. A thread that finds no
/// layer left, or no room for one, unpacks ahead for the others and does what lies aside. Of several failures that of the
/// lowest layer is reported, whichever came first. Gives whether all layers were proved.
fn read_layers<'l>(
    layers: &'l [LayerDescriptor],
    shared: &Shared<'_>,
    overlay: &mut Overlay<'_>,
    pipeline: &Layers<'l>,
    read: &(dyn Fn(&'l LayerDescriptor, Stop<'_>) -> Result<LayerRead, ScanError> + Sync),
) -> Result<bool, ScanError> {
    let wake = || pipeline.wake();
    let schedule = Schedule::new(layers, &shared.held, shared.limits(), &wake);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        // One walks a layer and one unpacks it: more have nothing to do.
        for _ in 0..shared.options.jobs.get().min(layers.len().saturating_mul(2)) {
            let (sender, schedule) = (sender.clone(), &schedule);
            scope.spawn(move || {
                loop {
                    let index = match schedule.next() {
                        Next::Layer(index) => index,
                        Next::Later(seen) => {
                            pipeline.help_until(&|| schedule.has_changed(seen));
                            continue;
                        }
                        Next::Nothing => break,
                    };
                    let Some(layer) = layers.get(index) else { break };
                    let taken_on = pipeline.take_on(layer.size.unwrap_or(0));
                    let _watch = schedule.watch(index);
                    if schedule.is_pointless(index) {
                        continue;
                    }
                    let result = read(layer, &|| schedule.must_stop(index));
                    match &result {
                        Err(ScanError::Stopped) if !schedule.is_pointless(index) => {
                            taken_on.give_back();
                            schedule.put_back(index);
                            continue;
                        }
                        Err(_) => schedule.fail(index),
                        Ok(_) => {}
                    }
                    let result = result.map(|mut read| {
                        shared.alike.share(&mut read.content);
                        (Held::of(&read.content, &shared.held), read)
                    });
                    // The receiver is there as long as a thread is.
                    _ = sender.send((index, result));
                }
                pipeline.help();
            });
        }
        drop(sender);
        let mut all_proved = true;
        let mut waiting = BTreeMap::new();
        let mut folded = 0;
        let mut failure: Option<(usize, ScanError)> = None;
        for (index, result) in receiver {
            match result {
                Err(error) if failure.as_ref().is_none_or(|(first, _)| index < *first) => {
                    failure = Some((index, error));
                }
                Err(_) => {}
                Ok(read) => _ = waiting.insert(index, read),
            }
            // Those below a failure are folded, for they might fail at that, too.
            while failure.as_ref().is_none_or(|(first, _)| folded < *first)
                && let Some((held, LayerRead { content, is_proved })) = waiting.remove(&folded)
            {
                all_proved &= is_proved;
                if let Err(source) = overlay.fold(content) {
                    schedule.fail(folded);
                    failure = Some((folded, ScanError::Limit { at: format!("layer {folded}"), source }));
                }
                drop(held);
                schedule.fold();
                folded += 1;
            }
            // Nobody asks for those above it, and what they hold is room for those below.
            if let Some((first, _)) = &failure {
                drop(waiting.split_off(first));
                schedule.make_room();
            }
        }
        failure.map_or(Ok(all_proved), |(_, error)| Err(error))
    })
}

/// Files that matter under a path which leads, by links, to a file that no detector wanted by its own path:
/// their layers are read once more, for these files alone.
fn reread<'l>(
    layers: &'l [LayerDescriptor],
    results: &Results<'l>,
    shared: &Shared<'_>,
    overlay: &mut Overlay<'_>,
    parts: &Parts<'_>,
) -> Result<Option<Lost>, ScanError> {
    let mut further = shared.limits().further_names_bytes.value;
    for (layer, files) in files_behind_links(overlay, shared) {
        let Some(descriptor) = layers.get(layer) else { continue };
        let read = match parts.reread(descriptor, &files, &mut further) {
            Some(Ok(read)) => read,
            Some(Err(lost)) => return Ok(Some(lost)),
            None => results.reread(descriptor, &files, &mut further)?,
        };
        for read in read {
            overlay
                .add_reread(layer, read)
                .map_err(|source| ScanError::Limit { at: descriptor.label(), source })?;
        }
    }
    Ok(None)
}

/// By layer, the files to read again: the path in the layer, and the paths under which they matter.
fn files_behind_links(overlay: &mut Overlay<'_>, shared: &Shared<'_>) -> BTreeMap<usize, Files> {
    let mut links = overlay.take_links();
    let well_known = shared.options.detectors.iter().flat_map(|detector| detector.well_known());
    links.extend(well_known.map(|path| ImagePath::from(*path)));
    let mut by_layer: BTreeMap<usize, Files> = BTreeMap::new();
    let last = overlay.layers().saturating_sub(1);
    for path in links {
        let known = !overlay.findings_at(&path, last).is_empty();
        let address = overlay.address(&path).filter(|address| !known && address.path != path);
        if let Some(address) = address {
            by_layer.entry(address.layer).or_default().entry(address.path).or_default().insert(path);
        }
    }
    by_layer
}
