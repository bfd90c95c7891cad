//! Reading a layer once more, for files that matter under paths which lead there by links.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use super::inspect::{Kept, Shared, Wanted, most_wanted, not_kept, read_head, unread};
use crate::{
    bom::overlay::Reread,
    cache::Files,
    detect::{Findings, Gap, GapKind, HEAD_BYTES, Want},
    image_path::ImagePath,
    layer::{Entry, EntryKind, EntrySink, LayerError},
};

/// What reading a file again counts for at least: an empty one takes its time, too.
const LEAST: u64 = 512;

/// Reads only certain files of a layer, each under the paths by which links lead to it.
pub(super) struct Rereader<'a> {
    shared: &'a Shared<'a>,
    layer: usize,
    files: &'a Files,
    /// Bytes that may still be read under the second name of a file and those after it.
    further: &'a mut u64,
    captured: u64,
    met: BTreeMap<&'a ImagePath, Met>,
}

/// A file that was met: of one that is in the layer more than once, the last.
#[derive(Default)]
struct Met {
    /// Bytes that were taken of those before it; none if it is the first.
    before: Option<u64>,
    /// Bytes that were taken of it.
    taken: u64,
    /// What it says under its paths.
    read: Vec<Reread>,
    /// Why it was not read under the path of this number and those behind it.
    unread: Option<(usize, Gap)>,
}

impl<'a> Rereader<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, layer: usize, files: &'a Files, further: &'a mut u64) -> Self {
        Self { shared, layer, files, further, captured: 0, met: BTreeMap::new() }
    }

    /// What the files say.
    pub(super) fn finish(mut self) -> Vec<Reread> {
        let mut read = Vec::new();
        for (file, paths) in self.files {
            let gap = |path: &ImagePath, gap: Gap| {
                let gap = Gap { layer: Some(self.layer), path: Some(path.clone()), ..gap };
                Reread { gaps: vec![gap], ..Reread::of(path) }
            };
            let unresolved = |message: String| {
                let said = Gap::new(GapKind::Unresolved, message);
                paths.iter().map(move |path| gap(path, said.clone()))
            };
            let Some(met) = self.met.remove(file) else {
                let message = format!("it is a link to {file}, which was not found in its layer again");
                read.extend(unresolved(message));
                continue;
            };
            if let Some(captured) = met.before {
                // What those before took leaves less room for what follows, as if they counted.
                read.extend(paths.first().map(|path| Reread { captured, ..Reread::of(path) }));
                // A hard link stays with the one that was there when it was made.
                read.extend(unresolved(format!(
                    "{file}, to which a link leads, is in its layer more than once; the last one counts"
                )));
            }
            read.extend(met.read);
            if let Some((first, why)) = met.unread {
                read.extend(paths.iter().skip(first).map(|path| gap(path, why.clone())));
            }
        }
        read
    }

    /// Reads a file under all of its paths.
    fn read(&mut self, file: &ImagePath, entry: &Entry, content: &mut dyn Read) -> Result<Met, LayerError> {
        let (shared, files) = (self.shared, self.files);
        let mut met = Met::default();
        let mut head = [0; HEAD_BYTES];
        let head = match read_head(&mut head, entry.size, content) {
            Ok(head) => head,
            Err(error) => {
                met.unread = Some((0, unread(&entry.path, error)?));
                return Ok(met);
            }
        };
        // One file may matter under several paths; it is kept once and read under each.
        let mut wanted = Vec::new();
        for (index, path) in files.get(file).into_iter().flatten().enumerate() {
            if index > 0 && !self.may_read_again(entry.size) {
                let message = "too many links lead to this file; it is not read under this name";
                met.unread = Some((index, Gap::new(GapKind::Limit, message)));
                break;
            }
            wanted.push((path, shared.wanted(path, entry, head)));
        }
        let Some(want) = wanted.iter().filter_map(|(_, wanted)| most_wanted(wanted)).max() else {
            return Ok(met);
        };
        let mut content = io::Cursor::new(head).chain(content);
        let kept = match shared.capture(want, entry.size, &mut content) {
            Ok(kept) => kept,
            Err(error) => {
                met.unread = Some((0, not_kept(&entry.path, error)?));
                return Ok(met);
            }
        };
        for (index, (path, wanted)) in wanted.iter().enumerate().filter(|(_, (_, wanted))| !wanted.is_empty())
        {
            let (read, taken) = self.detect(path, entry, &kept, wanted);
            met.read.push(read);
            if index > 0 {
                *self.further = self.further.saturating_sub(taken);
            }
        }
        Ok(met)
    }

    /// Whether a file of `size` bytes may be read under one more name.
    fn may_read_again(&mut self, size: u64) -> bool {
        let rest = self.further.checked_sub(size.max(LEAST));
        *self.further = rest.unwrap_or(*self.further);
        rest.is_some()
    }

    /// Reads a file under one of its paths. Gives how many bytes were taken out of it.
    fn detect(
        &mut self,
        path: &ImagePath,
        entry: &Entry,
        kept: &Kept<'_>,
        wanted: &Wanted<'_>,
    ) -> (Reread, u64) {
        let before = self.captured;
        let want = most_wanted(wanted).unwrap_or(Want::Nothing);
        let has_room = self.shared.has_room(want, entry.size, &mut self.captured);
        let findings = if has_room {
            self.shared.detect(path, entry, kept, wanted, &mut self.captured)
        } else {
            Findings::default()
        };
        let gaps = findings.gaps.into_iter().map(|gap| Gap { layer: Some(self.layer), ..gap }).collect();
        let captured = self.captured.saturating_sub(before);
        (Reread { path: path.clone(), found: findings.found, gaps, captured }, findings.taken)
    }
}

impl EntrySink for Rereader<'_> {
    fn may_want(&self, entry: &Entry) -> bool {
        self.files.contains_key(&entry.path)
    }

    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let files = self.files;
        let file = files.get_key_value(&entry.path).filter(|_| entry.kind == EntryKind::File);
        let Some((file, _)) = file else { return Ok(()) };
        let captured = self.captured;
        let met = self.read(file, &entry, content)?;
        let taken = self.captured.saturating_sub(captured);
        let before = self.met.get(file).map(|met| met.before.unwrap_or(0).saturating_add(met.taken));
        self.met.insert(file, Met { before, taken, ..met });
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}
