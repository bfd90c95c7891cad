//! Which layer is read next, and which has to stop so that those below it have room.
//!
//! The largest layers are begun first, so that the last to be begun are soon done. What was read waits until all below it
//! is folded. Where that takes too much memory the lowest layer that is not folded goes on alone: it always may, so
//! nobody waits for ever.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{bom::overlay::LayerContent, limits::Limits, oci::LayerDescriptor};

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
    /// How often another layer may have become one to begin.
    changes: AtomicU64,
    /// Told of each of these changes.
    on_change: &'s (dyn Fn() + Sync),
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// To read the layer of this number.
    Layer(usize),
    /// To ask again once [`Schedule::has_changed`] since so many changes: there is no room for another layer.
    Later(u64),
    /// No layer is left.
    Nothing,
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
    /// A schedule for `layers`, of which no more than [`Limits::unfolded_bytes`] are to be `held`. Whoever waits hears by
    /// `on_change` when to ask again.
    pub(super) fn new(
        layers: &[LayerDescriptor],
        held: &'s AtomicU64,
        limits: &Limits,
        on_change: &'s (dyn Fn() + Sync),
    ) -> Self {
        let new = layers.iter().enumerate().map(|(index, layer)| (Reverse(layer.size), index));
        let open = Open { new: new.collect(), stopped: BTreeSet::new() };
        Self {
            held,
            most: limits.unfolded_bytes.value,
            folded: AtomicUsize::new(0),
            failed: AtomicUsize::new(usize::MAX),
            open: Mutex::new(open),
            changes: AtomicU64::new(0),
            on_change,
        }
    }

    /// What to do next.
    pub(super) fn next(&self) -> Next {
        let mut open = self.lock();
        if open.new.is_empty() && open.stopped.is_empty() {
            return Next::Nothing;
        }
        let lowest = open.stopped.first().copied();
        if let Some(index) = lowest.filter(|index| self.is_lowest(*index) || self.is_pointless(*index)) {
            open.stopped.remove(&index);
            return Next::Layer(index);
        }
        let has_room = self.held.load(Ordering::Relaxed) <= self.most / 4;
        let may_begin = |index| has_room || self.is_lowest(index) || self.is_pointless(index);
        let Some(layer) = open.new.iter().find(|(_, index)| may_begin(*index)).copied() else {
            return Next::Later(self.changes.load(Ordering::Relaxed));
        };
        open.new.remove(&layer);
        Next::Layer(layer.1)
    }

    /// Whether there were other changes than the first `seen`.
    pub(super) fn has_changed(&self, seen: u64) -> bool {
        self.changes.load(Ordering::Relaxed) != seen
    }

    /// Gives back a layer that stopped, to be read from its beginning.
    pub(super) fn put_back(&self, index: usize) {
        self.change(|open| _ = open.stopped.insert(index));
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
        self.change(|_| _ = self.failed.fetch_min(index, Ordering::Relaxed));
    }

    /// Notes that the lowest layer was folded, and that what was held of it is not any longer.
    pub(super) fn fold(&self) {
        self.change(|_| _ = self.folded.fetch_add(1, Ordering::Relaxed));
    }

    /// Notes that less is held.
    pub(super) fn make_room(&self) {
        self.change(|_| {});
    }

    fn change(&self, make: impl FnOnce(&mut Open)) {
        let mut open = self.lock();
        make(&mut open);
        self.changes.fetch_add(1, Ordering::Relaxed);
        drop(open);
        (self.on_change)();
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

    /// What `content` takes. Packages that other layers have alike count in each of them: they are shared, and it may be the
    /// last to hold them.
    pub(super) fn of(content: &LayerContent, all: &'s AtomicU64) -> Self {
        let mut held = Self::new(all);
        held.add_entries(content.entries.packed_bytes());
        held.add_file(content.found_bytes(), content.records());
        held.add_gaps(content.gaps.listed.len());
        // Little of each of many layers is much.
        held.count();
        held
    }

    /// Adds entries that take so many bytes.
    pub(super) fn add_entries(&mut self, bytes: u64) {
        self.add(bytes);
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
    use super::{Next::*, *};
    use crate::{
        detect::{Finding, Gap, GapKind},
        layer::{Entry, EntryKind},
    };

    fn layers(sizes: &[u64]) -> Vec<LayerDescriptor> {
        let layer = |size: &u64| LayerDescriptor { size: Some(*size), ..LayerDescriptor::default() };
        sizes.iter().map(layer).collect()
    }

    fn schedule<'s>(layers: &[LayerDescriptor], held: &'s AtomicU64, most: u64) -> Schedule<'s> {
        Schedule::new(layers, held, &limits(most), &|| {})
    }

    fn limits(most: u64) -> Limits {
        let mut limits = Limits::default();
        limits.set("unfolded-bytes", most);
        limits
    }

    /// That there is nothing to begin before `change`, which whoever waits hears of.
    fn check_later(schedule: &Schedule<'_>, change: impl FnOnce()) {
        let Later(seen) = schedule.next() else { panic!("there is a layer to begin") };
        assert!(!schedule.has_changed(seen));
        change();
        assert!(schedule.has_changed(seen));
    }

    #[test]
    fn the_largest_layer_is_read_first() {
        let held = AtomicU64::new(0);
        let schedule = schedule(&layers(&[1, 5, 3, 5]), &held, 100);
        let order: Vec<_> = (0..5).map(|_| schedule.next()).collect();
        assert_eq!(order, [Layer(1), Layer(3), Layer(2), Layer(0), Nothing]);
    }

    #[test]
    fn where_there_is_no_room_the_lowest_layer_goes_on_alone() {
        let (held, layers) = (AtomicU64::new(0), layers(&[1, 5, 3]));
        let schedule = schedule(&layers, &held, 100);
        assert_eq!(schedule.next(), Layer(1));
        held.store(101, Ordering::Relaxed);
        assert!(schedule.must_stop(1) && !schedule.must_stop(0));
        schedule.put_back(1);
        assert_eq!(schedule.next(), Layer(0));
        check_later(&schedule, || schedule.fold());
        assert_eq!(schedule.next(), Layer(1));
        held.store(51, Ordering::Relaxed);
        assert!(!schedule.must_stop(2));
        schedule.fold();
        assert_eq!(schedule.next(), Layer(2));
        assert_eq!(schedule.next(), Nothing);
    }

    #[test]
    fn a_layer_that_is_too_much_by_itself_stops_once() {
        let held = AtomicU64::new(0);
        let schedule = schedule(&layers(&[1, 5]), &held, 100);
        assert_eq!(schedule.next(), Layer(1));
        schedule.put_back(1);
        assert_eq!(schedule.next(), Layer(0));
        schedule.fold();
        assert_eq!(schedule.next(), Layer(1));
    }

    #[test]
    fn a_failure_lets_those_above_it_go() {
        let held = AtomicU64::new(1000);
        let schedule = schedule(&layers(&[1, 2, 3]), &held, 100);
        assert_eq!(schedule.next(), Layer(0));
        check_later(&schedule, || schedule.fail(0));
        assert_eq!(schedule.next(), Layer(2));
        assert!(schedule.is_pointless(2) && !schedule.is_pointless(0));
        assert_eq!((schedule.next(), schedule.next()), (Layer(1), Nothing));
    }

    #[test]
    fn a_layer_is_begun_as_soon_as_there_is_room() {
        let held = AtomicU64::new(1000);
        let schedule = schedule(&layers(&[1, 2, 3]), &held, 100);
        assert_eq!(schedule.next(), Layer(0));
        check_later(&schedule, || {
            held.store(0, Ordering::Relaxed);
            schedule.make_room();
        });
        assert_eq!(schedule.next(), Layer(2));
    }

    #[test]
    fn a_file_that_says_nothing_holds_nothing() {
        let all = AtomicU64::new(0);
        let file = |name: &str, size| Entry { path: name.into(), kind: EntryKind::File, mode: 0, size };
        let content = LayerContent {
            entries: [file("no-room", 9 * STEP), file("read", 2 * STEP)].into_iter().collect(),
            captured: vec![(0, 9 * STEP), (1, 2 * STEP)],
            findings: vec![(1, vec![Finding::OsRelease(Box::default())])],
            ..LayerContent::default()
        };
        let _held = Held::of(&content, &all);
        assert!((2 * STEP..3 * STEP).contains(&all.load(Ordering::Relaxed)));
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
    fn what_is_dropped_is_held_no_longer() {
        let all = AtomicU64::new(0);
        let mut held = Held::new(&all);
        held.add_file(STEP, 1);
        assert!(all.load(Ordering::Relaxed) > STEP);
        drop(held);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
