//! Which layer is read next, and which has to stop so that those below it have room.
//!
//! The largest layers are begun first, so that the last to be begun are soon done. What was read waits until all below it
//! is folded. Where that takes too much memory the lowest layer that is not folded goes on alone: it always may, so
//! nobody waits for ever.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    bom::overlay::{LayerContent, names_bytes},
    layer::Entry,
    limits::Limits,
    oci::LayerDescriptor,
};

/// What an entry takes beside its names, about.
const ENTRY_BYTES: u64 = 128;
/// What a package or the like takes beside the file that it was read from, about.
const RECORD_BYTES: u64 = 512;
/// What a gap takes, about.
const GAP_BYTES: u64 = 1 << 10;
/// Bytes counted at a time while a layer is read.
const STEP: u64 = 64 << 10;

/// The order in which the layers of one scan are read.
pub(super) struct Schedule<'s> {
    /// Bytes held of layers that are not folded.
    held: &'s AtomicU64,
    most: u64,
    /// Number of layers that are folded.
    folded: AtomicUsize,
    /// The lowest layer that failed.
    failed: AtomicUsize,
    open: Mutex<Open>,
    /// Told when another layer may be begun.
    changed: Condvar,
}

/// Layers that nobody reads.
#[derive(Debug)]
struct Open {
    /// Those that nobody began, by length and number.
    new: BTreeSet<(Reverse<Option<u64>>, usize)>,
    /// Those that stopped to make room. Each is begun again once it is the lowest, so that none stops twice.
    stopped: BTreeSet<usize>,
}

impl<'s> Schedule<'s> {
    /// A schedule for `layers`, of which no more than [`Limits::unfolded_bytes`] are to be `held`.
    pub(super) fn new(layers: &[LayerDescriptor], held: &'s AtomicU64, limits: &Limits) -> Self {
        let new = layers.iter().enumerate().map(|(index, layer)| (Reverse(layer.size), index));
        let open = Open { new: new.collect(), stopped: BTreeSet::new() };
        Self {
            held,
            most: limits.unfolded_bytes.value,
            folded: AtomicUsize::new(0),
            failed: AtomicUsize::new(usize::MAX),
            open: Mutex::new(open),
            changed: Condvar::new(),
        }
    }

    /// The number of the layer to read next, once there is room for one; none if there is none left.
    pub(super) fn next(&self) -> Option<usize> {
        let mut open = self.lock();
        while !open.new.is_empty() || !open.stopped.is_empty() {
            let lowest = open.stopped.first().copied();
            if let Some(index) = lowest.filter(|index| self.is_lowest(*index) || self.is_pointless(*index)) {
                open.stopped.remove(&index);
                return Some(index);
            }
            let has_room = self.held.load(Ordering::Relaxed) <= self.most / 4;
            let may_begin = |index| has_room || self.is_lowest(index) || self.is_pointless(index);
            if let Some(layer) = open.new.iter().find(|(_, index)| may_begin(*index)).copied() {
                open.new.remove(&layer);
                return Some(layer.1);
            }
            open = self.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Gives back a layer that stopped, to be read from its beginning.
    pub(super) fn put_back(&self, index: usize) {
        self.lock().stopped.insert(index);
        self.changed.notify_all();
    }

    /// Whether nobody will ask for what the layer gives, since one below it failed.
    pub(super) fn is_pointless(&self, index: usize) -> bool {
        self.failed.load(Ordering::Relaxed) < index
    }

    /// Whether the reading of the layer has to stop, for good or to make room.
    pub(super) fn must_stop(&self, index: usize) -> bool {
        let has_room = self.held.load(Ordering::Relaxed) <= self.most;
        self.is_pointless(index) || !(has_room || self.is_lowest(index))
    }

    /// While a layer is read: if its thread panics nobody is to wait for it.
    pub(super) fn watch(&self, index: usize) -> Watch<'_> {
        Watch { schedule: self, index }
    }

    /// Notes that a layer failed.
    pub(super) fn fail(&self, index: usize) {
        let open = self.lock();
        self.failed.fetch_min(index, Ordering::Relaxed);
        drop(open);
        self.changed.notify_all();
    }

    /// Notes that the lowest layer was folded, and that what was held of it is not any longer.
    pub(super) fn fold(&self) {
        let open = self.lock();
        self.folded.fetch_add(1, Ordering::Relaxed);
        drop(open);
        self.changed.notify_all();
    }

    /// Notes that less is held.
    pub(super) fn make_room(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Whether all layers below are folded.
    fn is_lowest(&self, index: usize) -> bool {
        self.folded.load(Ordering::Relaxed) >= index
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading of a layer.
pub(super) struct Watch<'s> {
    schedule: &'s Schedule<'s>,
    index: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.schedule.fail(self.index);
        }
    }
}

/// Memory that counts as held until this is dropped.
#[derive(Debug)]
pub(super) struct Held<'s> {
    all: &'s AtomicU64,
    counted: u64,
    /// Bytes that are not counted yet.
    more: u64,
}

impl<'s> Held<'s> {
    /// Nothing yet.
    pub(super) fn new(all: &'s AtomicU64) -> Self {
        Self { all, counted: 0, more: 0 }
    }

    /// What `content` takes.
    pub(super) fn of(content: &LayerContent, all: &'s AtomicU64) -> Self {
        let mut held = Self::new(all);
        for entry in &content.entries {
            held.add_entry(entry);
        }
        held.add_file(content.found_bytes(), content.records());
        held.add_gaps(content.gaps.listed.len());
        // Little of each of many layers is much.
        held.count();
        held
    }

    /// Adds an entry.
    pub(super) fn add_entry(&mut self, entry: &Entry) {
        self.add(ENTRY_BYTES.saturating_add(names_bytes(entry)));
    }

    /// Adds what was found in a file that was kept whole, and has so many bytes.
    pub(super) fn add_file(&mut self, captured: u64, records: u64) {
        self.add(captured.saturating_add(records.saturating_mul(RECORD_BYTES)));
    }

    /// Adds gaps that are listed.
    pub(super) fn add_gaps(&mut self, gaps: usize) {
        self.add(GAP_BYTES.saturating_mul(gaps as u64));
    }

    fn add(&mut self, bytes: u64) {
        self.more = self.more.saturating_add(bytes);
        if self.more >= STEP {
            self.count();
        }
    }

    fn count(&mut self) {
        // A sum of what lies in memory, which is less than a tenth of what this can count.
        self.all.fetch_add(self.more, Ordering::Relaxed);
        self.counted = self.counted.saturating_add(self.more);
        self.more = 0;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::{Finding, Gap, GapKind},
        layer::EntryKind,
    };

    fn layers(sizes: &[u64]) -> Vec<LayerDescriptor> {
        let layer = |size: &u64| LayerDescriptor { size: Some(*size), ..LayerDescriptor::default() };
        sizes.iter().map(layer).collect()
    }

    fn limits(most: u64) -> Limits {
        let mut limits = Limits::default();
        limits.set("unfolded-bytes", most);
        limits
    }

    #[test]
    fn the_largest_layer_is_read_first() {
        let held = AtomicU64::new(0);
        let schedule = Schedule::new(&layers(&[1, 5, 3, 5]), &held, &Limits::default());
        let order: Vec<_> = std::iter::from_fn(|| schedule.next()).collect();
        assert_eq!(order, [1, 3, 2, 0]);
    }

    #[test]
    fn where_there_is_no_room_the_lowest_layer_goes_on_alone() {
        let (held, layers) = (AtomicU64::new(0), layers(&[1, 5, 3]));
        let schedule = Schedule::new(&layers, &held, &limits(100));
        assert_eq!(schedule.next(), Some(1));
        held.store(101, Ordering::Relaxed);
        assert!(schedule.must_stop(1) && !schedule.must_stop(0));
        schedule.put_back(1);
        assert_eq!(schedule.next(), Some(0));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| schedule.next());
            schedule.fold();
            assert_eq!(waiting.join().unwrap(), Some(1));
        });
        held.store(51, Ordering::Relaxed);
        assert!(!schedule.must_stop(2));
        schedule.fold();
        assert_eq!(schedule.next(), Some(2));
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_layer_that_is_too_much_by_itself_stops_once() {
        let held = AtomicU64::new(0);
        let schedule = Schedule::new(&layers(&[1, 5]), &held, &limits(100));
        assert_eq!(schedule.next(), Some(1));
        schedule.put_back(1);
        assert_eq!(schedule.next(), Some(0));
        schedule.fold();
        assert_eq!(schedule.next(), Some(1));
    }

    #[test]
    fn a_failure_lets_those_above_it_go() {
        let held = AtomicU64::new(1000);
        let schedule = Schedule::new(&layers(&[1, 2, 3]), &held, &limits(100));
        assert_eq!(schedule.next(), Some(0));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| schedule.next());
            schedule.fail(0);
            assert_eq!(waiting.join().unwrap(), Some(2));
        });
        assert!(schedule.is_pointless(2) && !schedule.is_pointless(0));
        assert_eq!((schedule.next(), schedule.next()), (Some(1), None));
    }

    #[test]
    fn gaps_and_what_is_less_than_a_step_are_held() {
        let all = AtomicU64::new(0);
        let gaps = |most: usize| (0..most).map(|n| Gap::new(GapKind::Malformed, n.to_string())).collect();
        let small = LayerContent { gaps: gaps(1), ..LayerContent::default() };
        let layers: Vec<_> = (0..1000).map(|_| Held::of(&small, &all)).collect();
        assert_eq!(all.load(Ordering::Relaxed), 1000 * GAP_BYTES);
        drop(layers);
        let large = Held::of(&LayerContent { gaps: gaps(9000), ..LayerContent::default() }, &all);
        assert_eq!(all.load(Ordering::Relaxed), 9000 * GAP_BYTES);
        drop(large);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_layer_is_begun_as_soon_as_there_is_room() {
        let held = AtomicU64::new(1000);
        let schedule = Schedule::new(&layers(&[1, 2, 3]), &held, &limits(100));
        assert_eq!(schedule.next(), Some(0));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| schedule.next());
            held.store(0, Ordering::Relaxed);
            schedule.make_room();
            assert_eq!(waiting.join().unwrap(), Some(2));
        });
    }

    #[test]
    fn a_file_that_says_nothing_holds_nothing() {
        let all = AtomicU64::new(0);
        let file = |name: &str, size| Entry { path: name.into(), kind: EntryKind::File, mode: 0, size };
        let content = LayerContent {
            entries: vec![file("no-room", 9 * STEP), file("read", 2 * STEP)],
            captured: vec![(0, 9 * STEP), (1, 2 * STEP)],
            findings: vec![(1, vec![Finding::OsRelease(Box::default())])],
            ..LayerContent::default()
        };
        let _held = Held::of(&content, &all);
        assert!((2 * STEP..3 * STEP).contains(&all.load(Ordering::Relaxed)));
    }

    #[test]
    fn what_is_dropped_is_held_no_longer() {
        let all = AtomicU64::new(0);
        let mut held = Held::new(&all);
        held.add_file(STEP, 1);
        assert!(all.load(Ordering::Relaxed) > STEP);
        drop(held);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
