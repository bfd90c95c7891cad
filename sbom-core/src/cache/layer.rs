//! What reading a layer gave ↔ the body of an entry.
//!
//! A layer may lie anywhere in another image, so its number is left out and set on reading. Entries come in the order
//! of the archive, in which a path mostly begins like the one before it; modes repeat; a text is written once.

use super::codec::{Malformed, Reader, Record, Writer};
use crate::{
    bom::{
        gaps::Gaps,
        overlay::{HashedFile, LayerContent, Reread},
    },
    detect::Gap,
    image_path::ImagePath,
    layer::{Entries, Entry, EntryKind},
};

/// What files say that were read again, because links lead to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RereadResult {
    /// Each path under which a file matters.
    pub(crate) read: Vec<Reread>,
    /// Bytes read under the second name of a file and those after it.
    pub(crate) further: u64,
}

/// What a result means where it is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The number of the layer.
    pub(crate) layer: usize,
    /// The names that detectors have.
    pub(crate) detectors: &'a [&'static str],
}

/// None if it would be more than `most` bytes.
pub(super) fn write(content: &LayerContent, most: usize) -> Option<Vec<u8>> {
    let LayerContent { entries, findings, hashed, gaps, captured, readings, links } = content;
    let mut out = Writer::within(most);
    let mut mode = 0;
    out.length(entries.len());
    for entry in entries.iter() {
        put_entry(&entry, &mut mode, &mut out);
    }
    let mut last = 0;
    out.length(findings.len());
    for (entry, found) in findings {
        out.length(entry.checked_sub(last)?);
        last = *entry;
        found.put(&mut out);
    }
    let mut last = 0;
    out.length(hashed.len());
    let mut paths = entries.iter().map(|entry| entry.path).zip(0..);
    for file in hashed {
        // A file that is hashed is listed under the path of its entry.
        paths.find(|(_, entry)| *entry == file.entry).filter(|(path, _)| *path == file.path)?;
        out.length(file.entry.checked_sub(last)?);
        last = file.entry;
        file.digests.put(&mut out);
    }
    put_all_gaps(gaps, &mut out);
    let mut last = 0;
    out.length(captured.len());
    for (entry, bytes) in captured {
        out.length(entry.checked_sub(last)?);
        last = *entry;
        bytes.put(&mut out);
    }
    readings.put(&mut out);
    links.put(&mut out);
    out.finish()
}

pub(super) fn read(body: &[u8], place: Place<'_>) -> Result<LayerContent, Malformed> {
    let mut input = Reader::new(body);
    let mut mode = 0;
    let mut entries = Entries::default();
    for _ in 0..input.length()? {
        entries.push(&take_entry(&mut input, &mut mode)?);
    }
    let mut next = Ascending { last: 0, end: entries.len() };
    let findings = input.list(|input| Ok((next.take(input)?, Record::take(input)?)))?;
    let mut next = Ascending { last: 0, end: entries.len() };
    let mut paths = entries.iter().map(|entry| entry.path).zip(0..);
    let hashed = input.list(|input| {
        let entry = next.take(input)?;
        let (path, _) = paths.find(|(_, at)| *at == entry).ok_or(Malformed)?;
        Ok(HashedFile { entry, digests: Record::take(input)?, path })
    })?;
    drop(paths);
    let gaps = take_all_gaps(&mut input, place)?;
    let mut next = Ascending { last: 0, end: entries.len() };
    let captured = input.list(|input| Ok((next.take(input)?, Record::take(input)?)))?;
    let readings = Record::take(&mut input)?;
    let links = Record::take(&mut input)?;
    input.finish()?;
    Ok(LayerContent { entries, findings, hashed, gaps, captured, readings, links })
}

/// None if it would be more than `most` bytes.
pub(super) fn write_reread(result: &RereadResult, most: usize) -> Option<Vec<u8>> {
    let mut out = Writer::within(most);
    out.length(result.read.len());
    for Reread { path, found, gaps, captured } in &result.read {
        path.put(&mut out);
        found.put(&mut out);
        put_gaps(gaps, &mut out);
        captured.put(&mut out);
    }
    result.further.put(&mut out);
    out.finish()
}

pub(super) fn read_reread(body: &[u8], place: Place<'_>) -> Result<RereadResult, Malformed> {
    let mut input = Reader::new(body);
    let read = input.list(|input| {
        let (path, found) = Record::take(input)?;
        Ok(Reread { path, found, gaps: take_gaps(input, place)?, captured: Record::take(input)? })
    })?;
    let further = Record::take(&mut input)?;
    input.finish()?;
    Ok(RereadResult { read, further })
}

/// That the mode is that of the entry before; else it follows.
const SAME_MODE: u8 = 1 << 3;
/// That a length follows; else there is none.
const HAS_SIZE: u8 = 1 << 4;

fn put_entry(entry: &Entry, last_mode: &mut u32, out: &mut Writer) {
    let Entry { path, kind, mode, size } = entry;
    let same_mode = mode == last_mode;
    let kind_byte = match kind {
        EntryKind::File => 0,
        EntryKind::Directory => 1,
        EntryKind::Symlink(_) => 2,
        EntryKind::HardLink(_) => 3,
        EntryKind::Special => 4,
        EntryKind::Whiteout => 5,
        EntryKind::OpaqueDirectory => 6,
    };
    out.byte(kind_byte | if same_mode { SAME_MODE } else { 0 } | if *size > 0 { HAS_SIZE } else { 0 });
    if !same_mode {
        mode.put(out);
        *last_mode = *mode;
    }
    if *size > 0 {
        size.put(out);
    }
    path.put(out);
    match kind {
        EntryKind::Symlink(target) => target.put(out),
        EntryKind::HardLink(target) => out.bytes(target.as_bytes()),
        _ => {}
    }
}

fn take_entry(input: &mut Reader<'_>, mode: &mut u32) -> Result<Entry, Malformed> {
    let byte = input.byte()?;
    if byte & SAME_MODE == 0 {
        *mode = Record::take(input)?;
    }
    let size = if byte & HAS_SIZE == 0 { 0 } else { Record::take(input)? };
    let path = input.path()?;
    let kind = match byte & !(SAME_MODE | HAS_SIZE) {
        0 => EntryKind::File,
        1 => EntryKind::Directory,
        2 => EntryKind::Symlink(Record::take(input)?),
        3 => EntryKind::HardLink(ImagePath::new(input.bytes()?)),
        4 => EntryKind::Special,
        5 => EntryKind::Whiteout,
        6 => EntryKind::OpaqueDirectory,
        _ => return Err(Malformed),
    };
    Ok(Entry { path, kind, mode: *mode, size })
}

/// Indices that rise, each written as what it is more than the last.
struct Ascending {
    last: usize,
    end: usize,
}

impl Ascending {
    fn take(&mut self, input: &mut Reader<'_>) -> Result<usize, Malformed> {
        let index = self.last.checked_add(input.size()?).filter(|index| *index < self.end);
        self.last = index.ok_or(Malformed)?;
        Ok(self.last)
    }
}

fn put_all_gaps(gaps: &Gaps, out: &mut Writer) {
    let Gaps { most, listed, beyond } = gaps;
    most.put(out);
    out.length(listed.len());
    for (gap, times) in listed {
        put_placed(gap, out);
        times.put(out);
    }
    beyond.put(out);
}

fn take_all_gaps(input: &mut Reader<'_>, place: Place<'_>) -> Result<Gaps, Malformed> {
    let most = Record::take(input)?;
    let listed = input.list(|input| Ok((take_placed(input, place)?, Record::take(input)?)))?;
    Ok(Gaps { most, listed: listed.into_iter().collect(), beyond: Record::take(input)? })
}

fn put_gaps(gaps: &[Gap], out: &mut Writer) {
    out.length(gaps.len());
    for gap in gaps {
        put_placed(gap, out);
    }
}

fn take_gaps(input: &mut Reader<'_>, place: Place<'_>) -> Result<Vec<Gap>, Malformed> {
    input.list(|input| take_placed(input, place))
}

/// All of `gap` but which layer it lies in, if in one.
fn put_placed(gap: &Gap, out: &mut Writer) {
    gap.layer.is_some().put(out);
    put_gap(gap, out);
}

fn take_placed(input: &mut Reader<'_>, place: Place<'_>) -> Result<Gap, Malformed> {
    let layer = bool::take(input)?.then_some(place.layer);
    take_gap(input, layer, place.detectors)
}

/// All of `gap` but its layer.
pub(super) fn put_gap(gap: &Gap, out: &mut Writer) {
    let Gap { layer: _, path, offset, detector, kind, message } = gap;
    path.put(out);
    offset.put(out);
    detector.map(Box::<str>::from).put(out);
    kind.put(out);
    message.put(out);
}

pub(super) fn take_gap(
    input: &mut Reader<'_>,
    layer: Option<usize>,
    detectors: &[&'static str],
) -> Result<Gap, Malformed> {
    let path = Record::take(input)?;
    let offset = Record::take(input)?;
    let detector = match <Option<Box<str>> as Record>::take(input)? {
        Some(name) => Some(*detectors.iter().find(|known| **known == &*name).ok_or(Malformed)?),
        None => None,
    };
    Ok(Gap { layer, path, offset, detector, kind: Record::take(input)?, message: Record::take(input)? })
}
