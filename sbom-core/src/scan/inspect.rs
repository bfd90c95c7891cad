//! What is done with each entry of a layer: detectors are asked, what they want is captured and read.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::{Arc, atomic::AtomicU64},
};

use super::{Options, Stop, alike::Alike, aside::Aside, schedule::Held};
use crate::{
    bom::{
        FileScope,
        gaps::Gaps,
        overlay::{HashedFile, LayerContent},
    },
    detect::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, HEAD_BYTES, Want},
    digest::ContentReader,
    image_path::ImagePath,
    layer::{
        Entry, EntryKind, EntrySink, LayerError, names_bytes,
        needles::Needles,
        retain::{Content, RetainError, retain_executable_in},
        spare::{Spare, Taken},
    },
    limits::{Budget, Limit, LimitExceeded, Limits, ReadError, Share, read_capped_sized, read_full},
};

/// What the readers of all layers share.
#[derive(Debug)]
pub(super) struct Shared<'o> {
    pub(super) options: &'o Options,
    needles: Needles,
    memory: Budget,
    spare: Spare,
    /// What is done by who waits or unpacks.
    pub(super) aside: Aside,
    /// For what decompressors look back at.
    pub(super) windows: Budget,
    /// What layers gave that are not folded, in bytes.
    pub(super) held: AtomicU64,
    /// The packages in it, as far as layers have them alike.
    pub(super) alike: Alike,
}

/// The detectors that want a file, and how much of it.
pub(super) type Wanted<'o> = Vec<(&'o dyn Detector, Want)>;

/// What was kept of a file, within its share of the memory.
pub(super) struct Kept<'s> {
    content: Content,
    /// What its buffer goes back to; none of a file that has its own.
    taken: Option<Taken<'s>>,
    _share: Share<'s>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(taken) = &mut self.taken {
            taken.bytes = self.content.take_buffer();
        }
    }
}

impl<'o> Shared<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        let needles = Needles::new(options.detectors.iter().flat_map(|detector| detector.needles()).copied());
        let memory = Budget::new(options.limits.memory_bytes.value);
        let windows = Budget::new(options.limits.window_bytes.value);
        let spare = Spare::new(options.jobs.get());
        let (held, alike) = (AtomicU64::new(0), Alike::default());
        Self { options, needles, memory, spare, aside: Aside::default(), windows, held, alike }
    }

    /// Drops what only the reading of layers needs.
    pub(super) fn end_reading(&self) {
        self.spare.give_back();
        self.aside.end_reading();
        self.alike.forget();
    }

    pub(super) fn limits(&self) -> &'o Limits {
        &self.options.limits
    }

    /// Captures `entry` as far as a detector wants it, and has it read. None if none does. Adds to
    /// `captured` the bytes of a file that is wanted whole, and what is taken out of one; of a file that those before left
    /// no room for nothing is said.
    fn examine(
        &self,
        entry: &Entry,
        content: &mut dyn Read,
        captured: &mut u64,
    ) -> Result<Option<Findings>, LayerError> {
        let mut head = [0; HEAD_BYTES];
        let head = match read_head(&mut head, entry.size, content) {
            Ok(head) => head,
            Err(error) => {
                return Ok(Some(Findings { gaps: vec![unread(&entry.path, error)?], ..Findings::default() }));
            }
        };
        let wanted = self.wanted(&entry.path, entry, head);
        let Some(want) = most_wanted(&wanted) else { return Ok(None) };
        if !self.has_room(want, entry.size, captured) {
            return Ok(Some(Findings::default()));
        }
        let mut content = io::Cursor::new(head).chain(content);
        let findings = match wanted.as_slice() {
            [(detector, Want::Passing)] => {
                self.detect_passing(*detector, entry, head, &mut content, captured)
            }
            _ => self
                .capture(want, entry.size, &mut content)
                .map(|kept| self.detect(&entry.path, entry, &kept, &wanted, captured)),
        };
        Ok(Some(match findings {
            Ok(findings) => findings,
            Err(error) => {
                let gap = Gap { detector: first(&wanted), ..not_kept(&entry.path, error)? };
                Findings { gaps: vec![gap], ..Findings::default() }
            }
        }))
    }

    pub(super) fn wanted(&self, path: &ImagePath, entry: &Entry, head: &[u8]) -> Wanted<'o> {
        let meta = FileMeta { path, size: entry.size, mode: entry.mode, head };
        let detectors = self.options.detectors.iter();
        detectors
            .map(|detector| (&**detector, detector.wants(&meta)))
            .filter(|(_, want)| *want != Want::Nothing)
            .collect()
    }

    /// Whether a file that is wanted so far may be read: those of one layer alone are bounded here, and of all layers
    /// together where they are folded. Once there is no room for one there is none for those behind it.
    pub(super) fn has_room(&self, want: Want, size: u64, captured: &mut u64) -> bool {
        let limits = self.limits();
        if want < Want::Passing || limits.file_bytes.check(size).is_err() {
            return true;
        }
        *captured = captured.saturating_add(size);
        limits.captured_bytes.check(*captured).is_ok()
    }

    /// Keeps of a file of `size` bytes what is wanted.
    pub(super) fn capture(
        &self,
        want: Want,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<Kept<'_>, RetainError> {
        let limits = self.limits();
        let whole = want >= Want::Passing;
        let most = match (whole, limits.executable_bytes.check(size)) {
            (true, _) => size.min(limits.file_bytes.value),
            (false, Ok(())) => size,
            (false, Err(_)) => limits.executable_parts_bytes.value,
        };
        let share = self.memory.take(most);
        let (content, taken) = if whole {
            limits.file_bytes.check(size)?;
            match read_capped_sized(content, size, limits.file_bytes) {
                Ok(bytes) => (Content::new(bytes), None),
                Err(ReadError::Io(error)) => return Err(error.into()),
                Err(ReadError::Limit(exceeded)) => return Err(exceeded.into()),
            }
        } else {
            let mut taken = self.spare.take();
            let buffer = std::mem::take(&mut taken.bytes);
            (
                retain_executable_in(buffer, content, size, &self.needles, limits, &self.aside.hashings)?,
                Some(taken),
            )
        };
        Ok(Kept { content, taken, _share: share })
    }

    /// What the detectors find in a file, seen under `path`. Adds what they took out of it to `captured`; where there is no
    /// room for that, they found nothing.
    pub(super) fn detect(
        &self,
        path: &ImagePath,
        entry: &Entry,
        kept: &Kept<'_>,
        wanted: &Wanted<'_>,
        captured: &mut u64,
    ) -> Findings {
        let limits = self.limits();
        let file = Captured { path, size: entry.size, mode: entry.mode, content: &kept.content, limits };
        let mut findings = Findings::default();
        for (detector, _) in wanted {
            let first_gap = findings.gaps.len();
            if let Err(gap) = detector.detect(&file, &mut findings) {
                findings.gaps.push(gap);
            }
            place_gaps(&mut findings, first_gap, path, *detector);
        }
        self.count_taken(findings, captured)
    }

    /// What the one detector that wants a file finds in it while it passes. Adds what it took out of it to `captured`, as
    /// [`Self::detect`] does.
    fn detect_passing(
        &self,
        detector: &dyn Detector,
        entry: &Entry,
        head: &[u8],
        content: &mut dyn Read,
        captured: &mut u64,
    ) -> Result<Findings, RetainError> {
        let limits = self.limits();
        limits.file_bytes.check(entry.size)?;
        // A single record may be as long as the file, which is what is held then.
        let _share = self.memory.take(entry.size);
        let file = FileMeta { path: &entry.path, size: entry.size, mode: entry.mode, head };
        let mut findings = Findings::default();
        detector.detect_passing(&file, content, limits, &mut findings)?;
        place_gaps(&mut findings, 0, &entry.path, detector);
        Ok(self.count_taken(findings, captured))
    }

    /// Adds what was taken out of a file to `captured`; where there is no room for that, nothing was found.
    fn count_taken(&self, mut findings: Findings, captured: &mut u64) -> Findings {
        *captured = captured.saturating_add(findings.taken);
        if findings.taken > 0 && self.limits().captured_bytes.check(*captured).is_err() {
            findings.found.clear();
        }
        findings
    }

    /// Whether a detector could want a file whose content is not known.
    fn may_want(&self, entry: &Entry) -> bool {
        let meta = FileMeta { path: &entry.path, size: entry.size, mode: entry.mode, head: &[] };
        self.options.detectors.iter().any(|detector| detector.could_want(&meta))
    }

    /// Whether a detector would want a file for its path alone.
    fn is_wanted_path(&self, path: &ImagePath) -> bool {
        let meta = FileMeta { path, size: 0, mode: 0, head: &[] };
        self.options.detectors.iter().any(|detector| detector.wants(&meta) != Want::Nothing)
    }
}

pub(super) fn most_wanted(wanted: &Wanted<'_>) -> Option<Want> {
    wanted.iter().map(|(_, want)| *want).max()
}

/// Says of the gaps behind the `first` so many where they lie, and which detector met them.
fn place_gaps(findings: &mut Findings, first: usize, path: &ImagePath, detector: &dyn Detector) {
    for gap in findings.gaps.iter_mut().skip(first) {
        gap.path.get_or_insert_with(|| path.clone());
        gap.detector.get_or_insert(detector.id());
    }
}

fn first(wanted: &Wanted<'_>) -> Option<&'static str> {
    wanted.first().map(|(detector, _)| detector.id())
}

/// What follows if a file cannot be kept: a gap, unless the layer cannot be read.
pub(super) fn not_kept(path: &ImagePath, error: RetainError) -> Result<Gap, LayerError> {
    match error {
        RetainError::Io(error) => unread(path, error),
        RetainError::Limit(exceeded) => Ok(over_limit(path, exceeded)),
    }
}

/// What follows if a file cannot be read: a gap, if a bound of this one file was hit.
pub(super) fn unread(path: &ImagePath, error: io::Error) -> Result<Gap, LayerError> {
    let error = match error.downcast::<LimitExceeded>() {
        Ok(exceeded) => return Ok(over_limit(path, exceeded)),
        Err(error) => error,
    };
    // Content of an archive says where it could not be read.
    let at_once = |source| LayerError::Read { offset: 0, source };
    Err(error.downcast::<LayerError>().unwrap_or_else(at_once))
}

fn over_limit(path: &ImagePath, exceeded: LimitExceeded) -> Gap {
    Gap { path: Some(path.clone()), ..Gap::new(GapKind::Limit, exceeded.to_string()) }
}

pub(super) fn read_head<'h>(
    head: &'h mut [u8; HEAD_BYTES],
    size: u64,
    content: &mut dyn Read,
) -> io::Result<&'h [u8]> {
    let length = usize::try_from(size).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
    let filled = read_full(content, head.get_mut(..length).unwrap_or_default())?;
    Ok(head.get(..filled).unwrap_or_default())
}

/// Collects what one layer holds.
pub(super) struct Inspector<'a> {
    shared: &'a Shared<'a>,
    layer: usize,
    stop: Stop<'a>,
    content: LayerContent,
    held: Held<'a>,
    /// Bytes of paths and link targets.
    names: u64,
    /// Bytes of the files that were to be kept whole, and of what was taken out of files.
    captured: u64,
    /// Packages, modules and crates.
    records: u64,
    /// Licence texts that are to be compared by the end of the layer.
    texts: Vec<Arc<str>>,
    /// What files are hashed by way of; empty if they are not hashed.
    buffer: Vec<u8>,
    /// Which of the [`USUAL`] names global headers have.
    globals: BTreeSet<ImagePath>,
}

/// What git, Python and Go call global headers. An image has nothing there, and for other names one is not written.
const USUAL: [&str; 3] = ["pax_global_header", "@PaxHeader", "GlobalHead.0.0"];

/// Bytes hashed at a time: few enough to be still at hand for the second digest.
const HASHED_AT_A_TIME: usize = 32 << 10;

impl<'a> Inspector<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, layer: usize, stop: Stop<'a>) -> Self {
        let hashes = shared.options.bill.files != FileScope::None;
        let buffer = if hashes { vec![0; HASHED_AT_A_TIME] } else { Vec::new() };
        Self {
            shared,
            layer,
            stop,
            content: LayerContent { gaps: Gaps::new(shared.limits().gaps), ..LayerContent::default() },
            held: Held::new(&shared.held),
            names: 0,
            captured: 0,
            records: 0,
            texts: Vec::new(),
            buffer,
            globals: BTreeSet::new(),
        }
    }

    /// Notes that something in the layer as a whole could not be read.
    pub(super) fn gap(&mut self, gap: Gap) {
        let listed = self.content.gaps.listed.len();
        self.content.gaps.add(Gap { layer: Some(self.layer), ..gap });
        self.held.add_gaps(self.content.gaps.listed.len().saturating_sub(listed));
    }

    fn examine(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let captured = self.captured;
        let Some(findings) = self.shared.examine(entry, content, &mut self.captured)? else { return Ok(()) };
        if self.captured > captured {
            self.content.captured.push((self.content.entries.len(), self.captured - captured));
        }
        let records = findings.found.iter().map(Finding::records).sum();
        if !findings.found.is_empty() {
            self.held.add_file(self.captured - captured, records);
        }
        self.records = self.records.saturating_add(records);
        within(self.shared.limits().records, self.records, entry)?;
        for gap in findings.gaps {
            self.gap(gap);
        }
        if !findings.found.is_empty() {
            self.texts
                .extend(self.shared.aside.texts.add(&findings.found, self.shared.limits().license_bytes));
            self.content.findings.push((self.content.entries.len(), findings.found));
        }
        Ok(())
    }

    /// Hashes the file on its way to the detectors, and what they leave of it.
    fn examine_and_hash(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let mut content = ContentReader::new(content);
        self.examine(entry, &mut content)?;
        let gap = match content.finish(&mut self.buffer) {
            Ok((digests, bytes)) if bytes == entry.size => {
                let path = entry.path.clone();
                self.content.hashed.push(HashedFile { entry: self.content.entries.len(), digests, path });
                return Ok(());
            }
            Ok((_, bytes)) => {
                let message = format!("{bytes} bytes were read where {} were expected", entry.size);
                Gap { path: Some(entry.path.clone()), ..Gap::new(GapKind::Truncated, message) }
            }
            Err(error) => unread(&entry.path, error)?,
        };
        self.gap(gap);
        Ok(())
    }

    /// What the layer holds. Its licence texts are compared now, as far as nobody has done so, and as long as the work on the
    /// layer need not stop; `wake` tells those who can help with that.
    pub(super) fn finish(mut self, wake: &dyn Fn()) -> LayerContent {
        let is_met = |name: &ImagePath| {
            self.content.entries.iter().any(|entry| entry.path.strip_prefix(name).is_some())
        };
        let met: Vec<ImagePath> = self.globals.iter().filter(|name| is_met(name)).cloned().collect();
        for path in met {
            self.gap(disputed(path));
        }
        let texts = &self.shared.aside.texts;
        if texts.are_waiting() {
            wake();
        }
        self.content.readings = texts.finish(self.texts, self.stop);
        self.content
    }
}

/// A name that engines take for different things.
fn disputed(path: ImagePath) -> Gap {
    let message = "a global header of the layer has this name: containerd removes what the layer has there, or hides what \
                   lies below it in the image, and Docker does not";
    Gap { path: Some(path), ..Gap::new(GapKind::Malformed, message) }
}

/// Holds a layer alone against what is a bound of all layers together.
fn within(limit: Limit, found: u64, entry: &Entry) -> Result<(), LayerError> {
    limit.check(found).map_err(|source| LayerError::Limit { offset: 0, path: entry.path.clone(), source })
}

impl EntrySink for Inspector<'_> {
    fn may_want(&self, entry: &Entry) -> bool {
        !self.buffer.is_empty() || self.shared.may_want(entry)
    }

    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        if (self.stop)() {
            return Err(LayerError::Stopped);
        }
        self.names = self.names.saturating_add(names_bytes(&entry));
        within(self.shared.limits().names_bytes, self.names, &entry)?;
        match &entry.kind {
            EntryKind::File if self.buffer.is_empty() => self.examine(&entry, content)?,
            EntryKind::File => self.examine_and_hash(&entry, content)?,
            EntryKind::Symlink(_) | EntryKind::HardLink(_) if self.shared.is_wanted_path(&entry.path) => {
                self.content.links.insert(entry.path.clone());
            }
            _ => {}
        }
        let before = self.content.entries.packed_bytes();
        self.content.entries.push(&entry);
        self.held.add_entries(self.content.entries.packed_bytes() - before);
        Ok(())
    }

    fn global(&mut self, path: ImagePath) {
        if USUAL.iter().any(|usual| usual.as_bytes() == path.as_bytes()) {
            self.globals.insert(path);
        } else if !path.is_root() {
            self.gap(disputed(path));
        }
    }

    fn unreadable(&mut self, path: ImagePath, error: &io::Error) {
        let gap = Gap::new(GapKind::Unreadable, error.to_string());
        self.gap(Gap { path: Some(path), ..gap });
    }
}
