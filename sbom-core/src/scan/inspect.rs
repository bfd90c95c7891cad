//! What is done with each entry of a layer: detectors are asked, what they want is captured and read.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{Options, Stop};
use crate::{
    bom::{
        FileScope,
        overlay::{HashedFile, LayerContent},
    },
    cache::Files,
    detect::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, HEAD_BYTES, Want},
    digest::ContentReader,
    image_path::ImagePath,
    layer::{
        Entry, EntryKind, EntrySink, LayerError,
        needles::Needles,
        retain::{Content, RetainError, retain_executable},
    },
    limits::{Budget, LimitExceeded, Limits, ReadError, read_capped, read_capped_sized, read_full},
};

/// What the readers of all layers share.
#[derive(Debug)]
pub(super) struct Shared<'o> {
    pub(super) options: &'o Options,
    needles: Needles,
    memory: Budget,
    /// For what decompressors look back at.
    pub(super) windows: Budget,
    captured: AtomicU64,
    /// Whether a file was left out because those of all layers together were too many bytes.
    left_out: AtomicBool,
}

impl<'o> Shared<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        let needles = Needles::new(options.detectors.iter().flat_map(|detector| detector.needles()).copied());
        let memory = Budget::new(options.limits.memory_bytes.value);
        let windows = Budget::new(options.limits.window_bytes.value);
        Self {
            options,
            needles,
            memory,
            windows,
            captured: AtomicU64::new(0),
            left_out: AtomicBool::new(false),
        }
    }

    pub(super) fn limits(&self) -> &'o Limits {
        &self.options.limits
    }

    /// Counts `bytes` of files that were kept whole by an earlier scan, unless that would be too many.
    pub(super) fn may_count_captured(&self, bytes: u64) -> bool {
        let limit = self.limits().captured_bytes;
        let add = |before: u64| before.checked_add(bytes).filter(|sum| limit.check(*sum).is_ok());
        self.captured.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    /// Counts no longer what was kept of a layer that is read again from its beginning.
    pub(super) fn discount_captured(&self, bytes: u64) {
        let less = |before: u64| Some(before.saturating_sub(bytes));
        // There is no sum that this refuses.
        _ = self.captured.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Whether every file that was to be kept whole had room so far.
    pub(super) fn all_were_captured(&self) -> bool {
        !self.left_out.load(Ordering::Relaxed)
    }

    /// Captures `entry`, seen under `path`, as far as a detector wants it, and has it read. None if none does. Adds to
    /// `captured_bytes` what is kept whole.
    fn examine(
        &self,
        path: &ImagePath,
        entry: &Entry,
        content: &mut dyn Read,
        captured_bytes: &mut u64,
    ) -> Result<Option<Findings>, LayerError> {
        let mut head = [0; HEAD_BYTES];
        let head = match read_head(&mut head, entry.size, content) {
            Ok(head) => head,
            Err(error) => {
                return Ok(Some(Findings { gaps: vec![unread(path, error)?], ..Findings::default() }));
            }
        };
        let meta = FileMeta { path, size: entry.size, mode: entry.mode, head };
        let wanted: Vec<(&dyn Detector, Want)> = self
            .options
            .detectors
            .iter()
            .map(|detector| (&**detector, detector.wants(&meta)))
            .filter(|(_, want)| *want != Want::Nothing)
            .collect();
        let Some(want) = wanted.iter().map(|(_, want)| *want).max() else { return Ok(None) };

        let limits = self.limits();
        let mut content = io::Cursor::new(head).chain(content);
        let mut findings = Findings::default();
        let _share;
        let kept = if want == Want::Whole {
            _share = self.memory.take(entry.size.min(limits.file_bytes.value));
            self.capture_whole(entry.size, &mut content, captured_bytes)
        } else {
            let most = if entry.size <= limits.executable_bytes.value {
                entry.size
            } else {
                limits.executable_parts_bytes.value
            };
            _share = self.memory.take(most);
            retain_executable(&mut content, entry.size, &self.needles, limits)
        };
        let kept = match kept {
            Ok(kept) => kept,
            Err(error) => {
                let gap = match error {
                    RetainError::Io(error) => unread(path, error)?,
                    RetainError::Limit(exceeded) => over_limit(path, exceeded),
                };
                let detector = wanted.first().map(|(detector, _)| detector.id());
                findings.gaps.push(Gap { detector, ..gap });
                return Ok(Some(findings));
            }
        };
        let captured = Captured { path, size: entry.size, mode: entry.mode, content: &kept, limits };
        for (detector, _) in wanted {
            let first_gap = findings.gaps.len();
            if let Err(gap) = detector.detect(&captured, &mut findings) {
                findings.gaps.push(gap);
            }
            for gap in findings.gaps.iter_mut().skip(first_gap) {
                gap.path.get_or_insert_with(|| path.clone());
                gap.detector.get_or_insert(detector.id());
            }
        }
        Ok(Some(findings))
    }

    fn capture_whole(
        &self,
        size: u64,
        content: &mut dyn Read,
        captured_bytes: &mut u64,
    ) -> Result<Content, RetainError> {
        let limits = self.limits();
        limits.file_bytes.check(size)?;
        *captured_bytes = captured_bytes.saturating_add(size);
        let before = self.captured.fetch_add(size, Ordering::Relaxed);
        if let Err(exceeded) = limits.captured_bytes.check(before.saturating_add(size)) {
            self.left_out.store(true, Ordering::Relaxed);
            return Err(exceeded.into());
        }
        match read_capped_sized(content, size, limits.file_bytes) {
            Ok(bytes) => Ok(Content::new(bytes)),
            Err(ReadError::Io(error)) => Err(error.into()),
            Err(ReadError::Limit(exceeded)) => Err(exceeded.into()),
        }
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

/// What follows if a file cannot be read: a gap, if a bound of this one file was hit.
fn unread(path: &ImagePath, error: io::Error) -> Result<Gap, LayerError> {
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

fn read_head<'h>(head: &'h mut [u8; HEAD_BYTES], size: u64, content: &mut dyn Read) -> io::Result<&'h [u8]> {
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
    links: BTreeSet<ImagePath>,
    /// What files are hashed by way of; empty if they are not hashed.
    buffer: Vec<u8>,
}

/// Bytes hashed at a time: few enough to be still at hand for the second digest.
const HASHED_AT_A_TIME: usize = 32 << 10;

impl<'a> Inspector<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, layer: usize, stop: Stop<'a>) -> Self {
        let hashes = shared.options.bill.files != FileScope::None;
        let buffer = if hashes { vec![0; HASHED_AT_A_TIME] } else { Vec::new() };
        Self { shared, layer, stop, content: LayerContent::default(), links: BTreeSet::new(), buffer }
    }

    /// Notes that something in the layer as a whole could not be read.
    pub(super) fn gap(&mut self, gap: Gap) {
        self.content.gaps.push(Gap { layer: Some(self.layer), ..gap });
    }

    fn examine(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let captured = &mut self.content.captured;
        let Some(findings) = self.shared.examine(&entry.path, entry, content, captured)? else {
            return Ok(());
        };
        for gap in findings.gaps {
            self.gap(gap);
        }
        if !findings.found.is_empty() {
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

    /// What the layer holds, and the links in it whose paths a detector would want.
    pub(super) fn finish(self) -> (LayerContent, BTreeSet<ImagePath>) {
        (self.content, self.links)
    }
}

impl EntrySink for Inspector<'_> {
    fn may_want(&self, entry: &Entry) -> bool {
        !self.buffer.is_empty() || self.shared.may_want(entry)
    }

    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        if (self.stop)() {
            return Err(LayerError::Stopped);
        }
        match &entry.kind {
            EntryKind::File if self.buffer.is_empty() => self.examine(&entry, content)?,
            EntryKind::File => self.examine_and_hash(&entry, content)?,
            EntryKind::Symlink(_) | EntryKind::HardLink(_) if self.shared.is_wanted_path(&entry.path) => {
                self.links.insert(entry.path.clone());
            }
            _ => {}
        }
        self.content.entries.push(entry);
        Ok(())
    }

    fn unreadable(&mut self, path: ImagePath, error: &io::Error) {
        let gap = Gap::new(GapKind::Unreadable, error.to_string());
        self.gap(Gap { path: Some(path), ..gap });
    }
}

/// What a file that was read again says: the path under which it matters, findings and gaps.
pub(super) type Reread = (ImagePath, Vec<Finding>, Vec<Gap>);

/// Reads only certain files of a layer, each under the paths by which links lead to it.
pub(super) struct Rereader<'a> {
    shared: &'a Shared<'a>,
    layer: usize,
    files: &'a Files,
    /// Bytes that may still be read under the second name of a file and those after it.
    further: &'a mut u64,
    read: Vec<Reread>,
    captured: u64,
}

impl<'a> Rereader<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, layer: usize, files: &'a Files, further: &'a mut u64) -> Self {
        Self { shared, layer, files, further, read: Vec::new(), captured: 0 }
    }

    /// What the files say, and how many bytes of them were kept whole.
    pub(super) fn finish(self) -> (Vec<Reread>, u64) {
        (self.read, self.captured)
    }
}

impl EntrySink for Rereader<'_> {
    fn may_want(&self, entry: &Entry) -> bool {
        self.files.contains_key(&entry.path)
    }

    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let Some(paths) = self.files.get(&entry.path).filter(|_| entry.kind == EntryKind::File) else {
            return Ok(());
        };
        // One file may matter under several paths; it is kept once and read under each.
        let limits = self.shared.limits();
        let bytes = match read_capped(content, limits.file_bytes) {
            Ok(bytes) => bytes,
            Err(error) => {
                let gap = match error {
                    ReadError::Io(error) => unread(&entry.path, error)?,
                    ReadError::Limit(exceeded) => over_limit(&entry.path, exceeded),
                };
                for path in paths {
                    let gap = Gap { layer: Some(self.layer), path: Some(path.clone()), ..gap.clone() };
                    self.read.push((path.clone(), Vec::new(), vec![gap]));
                }
                return Ok(());
            }
        };
        for (index, path) in paths.iter().enumerate() {
            if index > 0 {
                let Some(rest) = self.further.checked_sub(bytes.len() as u64) else {
                    let message = "too many links lead to this file; it is not read under this name";
                    let gap = Gap::new(GapKind::Limit, message);
                    let gap = Gap { layer: Some(self.layer), path: Some(path.clone()), ..gap };
                    self.read.push((path.clone(), Vec::new(), vec![gap]));
                    continue;
                };
                *self.further = rest;
            }
            let content = &mut bytes.as_slice();
            if let Some(findings) = self.shared.examine(path, &entry, content, &mut self.captured)? {
                let gaps = findings.gaps.into_iter().map(|gap| Gap { layer: Some(self.layer), ..gap });
                self.read.push((path.clone(), findings.found, gaps.collect()));
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}
