//! What reading a layer gave, what all layers of an image came to, and the documents that were written of that, kept in a
//! folder, so that the next scan need not read, compare or write again.
//!
//! A layer is known by the digest of its bytes, which never change. So what was found in it holds as long as the
//! code that looked for it: the key of an entry is a digest over the layer's, over detectors, limits and the build of
//! this library. An entry is made only of a layer whose bytes were hashed and had the digest that the image names. Whoever
//! uses it trusts that hash, made before; the bytes are not read again.
//!
//! Entries are believed only if they are whole and belong to the user, see [`Distrust`]. What is wrong with the folder
//! never ends a scan: it goes on without, and [`LayerCache::fault`] tells what to warn of. Only an entry that was sealed
//! with a document that does not unpack to what it says is an error: part of it may be written by then.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    bom::{Bom, overlay::LayerContent},
    limits::{Limit, Unit},
    oci::Subject,
    timestamp::Timestamp,
};

mod bill;
mod codec;
mod document;
mod entry;
mod folder;
mod key;
mod layer;
mod prune;
mod records;
#[cfg(test)]
mod tests;
mod trust;
mod values;

pub use document::{Asked, KeptDocument};
pub use prune::{Contents, Prune, Pruned};
pub use trust::Distrust;

pub(crate) use document::Keeping;
pub(crate) use key::{Files, Key, Keys};
pub(crate) use layer::{Place, RereadResult};

use codec::{Body, Malformed};
use entry::{Damage, Seal};
use folder::Folder;
use key::Of;

/// Bytes of all entries, unless something else is said: results of some thousand layers.
pub const DEFAULT_BYTES: u64 = 1 << 30;

/// The longest entry. The results of a layer of 300,000 files take 6 MB, 22 MB with digests of them all.
const ENTRY_BYTES: u64 = 256 << 20;
/// The longest entry of a document, which is compressed to a tenth and less of its length. It is held in memory.
const DOCUMENT_BYTES: u64 = 64 << 20;
/// Of all entries, the part that one may take.
const ENTRY_PART: u64 = 4;
/// An entry that is used is marked so at most once in this time.
const TOUCH_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer than this nobody waits, in sum, for a disk that is to save time; nor once more, when all is done, to make room.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something is wrong with the folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It, or something in it, cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be made, or written to.
    #[error("{} cannot be written to: {source}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else may have put something there.
    #[error("{} is not used: {why}", path.display())]
    Distrusted {
        /// What.
        path: PathBuf,
        /// Why.
        why: Distrust,
    },
    /// It takes longer than reading a layer.
    #[error("{} answers so slowly that it is not used any longer", path.display())]
    Slow {
        /// What.
        path: PathBuf,
    },
}

/// How often results were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Found and used.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
    /// Found damaged; counted among those not found, too.
    pub damaged: u64,
}

/// A folder of results. Many threads and processes may use it at the same time.
#[derive(Debug)]
pub struct LayerCache {
    folder: Folder,
    most_bytes: u64,
    now: SystemTime,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Whether entries are looked for.
    reads: Reads,
    /// Whether entries are put.
    writes: bool,
    /// Whether an entry was put since room was made last.
    grown: bool,
    /// What went wrong first.
    fault: Option<CacheError>,
    counts: Counts,
    /// Time that the folder took.
    spent: Duration,
}

/// Whether entries are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Yes,
    /// Not before the first is put, for there is no folder.
    OnceThereIsOne,
    /// Not again: it failed.
    No,
}

impl LayerCache {
    /// The cache in `folder`, which need not be there. Its entries may take `most_bytes`. At `now`, to a day, those are
    /// marked as used that are.
    pub fn new(folder: &Path, most_bytes: u64, now: Timestamp) -> Self {
        Self::with(Folder::new(folder), most_bytes, now)
    }

    fn with(folder: Folder, most_bytes: u64, now: Timestamp) -> Self {
        let state = State {
            reads: Reads::Yes,
            writes: true,
            grown: false,
            fault: None,
            counts: Counts::default(),
            spent: Duration::ZERO,
        };
        let cache = Self { folder, most_bytes, now: system_time(now), state: Mutex::new(state) };
        match cache.timed(|| cache.folder.exists()) {
            Ok(true) => {}
            Ok(false) => cache.state().wait_for_folder(),
            Err(fault) => {
                cache.state().give_up();
                cache.fail(fault);
            }
        }
        cache
    }

    /// What went wrong first, and why results are not used or not kept; none if nothing did. To be asked when a scan is
    /// over.
    pub fn fault(&self) -> Option<String> {
        self.state().fault.as_ref().map(ToString::to_string)
    }

    /// How often results were found so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// The result of a layer.
    pub(crate) fn layer(&self, key: &Key, place: Place<'_>) -> Option<LayerContent> {
        self.find(key, |body| layer::read(body.bytes(), place))
    }

    /// Keeps the result of a layer whose digest was proved.
    pub(crate) fn keep_layer(&self, key: &Key, content: &LayerContent) {
        self.keep(key, |most| layer::write(content, most));
    }

    /// The result of reading certain files of a layer.
    pub(crate) fn reread(&self, key: &Key, place: Place<'_>) -> Option<RereadResult> {
        self.find(key, |body| layer::read_reread(body.bytes(), place))
    }

    /// Keeps the result of reading certain files of a layer whose digest was proved.
    pub(crate) fn keep_reread(&self, key: &Key, result: &RereadResult) {
        self.keep(key, |most| layer::write_reread(result, most));
    }

    /// The bill of `subject`, whose layers have the keys `layers`: their results stay as long as it is of use, for
    /// other images on the same base.
    pub(crate) fn bill(
        &self,
        key: &Key,
        layers: &[Key],
        subject: &Subject,
        detectors: &[&'static str],
    ) -> Option<Bom> {
        let bom = self.find(key, |body| bill::read(&body, subject, detectors))?;
        self.touch(layers);
        Some(bom)
    }

    /// Keeps the bill of an image, of all of whose layers the digests were proved.
    pub(crate) fn keep_bill(&self, key: &Key, bom: &Bom) {
        self.keep(key, |most| bill::write(bom, most));
    }

    /// A document made of `bill`, which stays as long as it is of use, as the results of the layers do.
    pub(crate) fn document(&self, key: &Key, bill: &Key, layers: &[Key]) -> Option<KeptDocument> {
        let document = self.find(key, |body| document::read(&body))?;
        self.touch(std::slice::from_ref(bill));
        self.touch(layers);
        Some(document)
    }

    /// Notes that entries are of use.
    fn touch(&self, keys: &[Key]) {
        for key in keys {
            if self.state().reads != Reads::Yes {
                break;
            }
            self.timed(|| self.folder.touch(key, self.now, TOUCH_EVERY));
        }
    }

    /// Makes room, if anything was kept: what was used longest ago goes first.
    pub(crate) fn make_room(&self) {
        if !std::mem::take(&mut self.state().grown) {
            return;
        }
        // However slow the disk was: what every scan adds to, and none takes from, would grow without bound.
        let began = Instant::now();
        let may_go_on = || began.elapsed() < PATIENCE;
        if let Err(error) =
            self.timed(|| prune::make_room(&self.folder, self.most_bytes, self.now, may_go_on))
        {
            self.fail(error);
        }
    }

    fn find<T>(&self, key: &Key, decode: impl FnOnce(Body<'_>) -> Result<T, Malformed>) -> Option<T> {
        if self.state().reads != Reads::Yes {
            self.state().counts.misses += 1;
            return None;
        }
        let found = self.timed(|| self.folder.read(key, self.entry_limit(key.of())));
        let decoded = match found {
            Ok(None) => None,
            Ok(Some(found)) => match decoded(key, &found.bytes, decode) {
                Ok(result) => {
                    self.timed(|| found.touch(self.now, TOUCH_EVERY));
                    Some(result)
                }
                Err(damage) => {
                    tracing::info!(
                        "an entry of the cache is damaged, what it stood for is read again: {damage}"
                    );
                    self.state().counts.damaged += 1;
                    None
                }
            },
            Err(error) => {
                self.fail(error);
                None
            }
        };
        let counts = &mut self.state().counts;
        *if decoded.is_some() { &mut counts.hits } else { &mut counts.misses } += 1;
        decoded
    }

    /// Keeps the body that `write` makes of at most so many bytes.
    fn keep(&self, key: &Key, write: impl FnOnce(usize) -> Option<Vec<u8>>) {
        if !self.state().writes {
            return;
        }
        let most = self.entry_limit(key.of()).value.saturating_sub(entry::FRAME_BYTES);
        let Some(body) = write(usize::try_from(most).unwrap_or(usize::MAX)) else { return };
        let (mut seal, head) = Seal::new(key);
        seal.add(&body);
        self.after_writing(self.timed(|| {
            self.folder.make()?;
            self.folder.write(key, &[&head, &body, &seal.finish()])
        }));
    }

    fn after_writing(&self, written: Result<(), CacheError>) {
        match written {
            Ok(()) => {
                let mut state = self.state();
                state.grown = true;
                if state.reads == Reads::OnceThereIsOne {
                    state.reads = Reads::Yes;
                }
            }
            Err(error) => self.fail(error),
        }
    }

    fn entry_limit(&self, of: Of) -> Limit {
        let most = match of {
            Of::Layer | Of::Image => ENTRY_BYTES,
            Of::Document => DOCUMENT_BYTES,
        };
        let value = most.min(self.most_bytes / ENTRY_PART);
        Limit { name: "cache-size", value, unit: Unit::Bytes }
    }

    /// Counts the time that `work` takes. Once it is too much in sum the folder is left alone.
    fn timed<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        let mut state = self.state();
        state.spent += began.elapsed();
        if state.spent > PATIENCE {
            state.give_up();
            let slow = CacheError::Slow { path: self.folder.path().to_owned() };
            state.fault.get_or_insert(slow);
        }
        result
    }

    /// Remembers the first thing that went wrong, and does not try again what failed.
    fn fail(&self, error: CacheError) {
        let mut state = self.state();
        match &error {
            CacheError::Write { .. } => state.writes = false,
            CacheError::Read { .. } => state.reads = Reads::No,
            // One entry that is not trusted says nothing of the others; the folder was looked at before.
            CacheError::Distrusted { path, .. } if path != self.folder.path() => {}
            CacheError::Distrusted { .. } | CacheError::Slow { .. } => state.give_up(),
        }
        state.fault.get_or_insert(error);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// There is none yet.
    fn wait_for_folder(&mut self) {
        if self.reads == Reads::Yes {
            self.reads = Reads::OnceThereIsOne;
        }
    }

    fn give_up(&mut self) {
        self.reads = Reads::No;
        self.writes = false;
    }
}

/// Reads a body as the result of a layer and writes it again; none if it is none. For whoever tries what bytes can do.
#[doc(hidden)]
pub fn rewritten(body: &[u8]) -> Option<Vec<u8>> {
    let place = Place { layer: 0, detectors: &["apk", "dpkg"] };
    layer::write(&layer::read(body, place).ok()?, usize::MAX)
}

fn decoded<T>(
    key: &Key,
    entry: &Arc<Vec<u8>>,
    decode: impl FnOnce(Body<'_>) -> Result<T, Malformed>,
) -> Result<T, Damage> {
    let at = entry::open(key, entry)?;
    Ok(decode(Body { entry, at })?)
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.unix())
}
