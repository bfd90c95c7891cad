//! Layers laid over one another, as an engine would unpack them: which files are there in the end, under
//! which path, and what happened to the files that say something about software.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroU32,
    sync::Arc,
};

use super::gaps::Gaps;
use crate::{
    detect::{Finding, Gap, GapKind},
    digest::ContentDigests,
    image_path::ImagePath,
    layer::Entries,
    license::text::Reading,
    limits::{LimitExceeded, Limits},
};

mod change;
mod find;
mod visible;

#[cfg(test)]
mod tests;

pub use visible::{VisibleFile, VisibleFiles};

/// What the scan of one layer gave.
#[derive(Debug, Clone, Default)]
pub struct LayerContent {
    /// All entries in the order of the archive.
    pub entries: Entries,
    /// What was found in which entry (an index into `entries`), ascending.
    pub findings: Vec<(usize, Vec<Finding>)>,
    /// The regular files that were hashed, in the order of `entries`; none unless files are to be listed.
    pub hashed: Vec<HashedFile>,
    /// What could not be read.
    pub gaps: Gaps,
    /// The regular files that were to be kept whole to be read (indices into `entries`), or that text was taken out of,
    /// ascending; and how many bytes that is of each. Those that had no room in the layer alone are among them, without
    /// findings, see [`Limits::captured_bytes`].
    pub captured: Vec<(usize, u64)>,
    /// What texts of licences in the findings turned out to be; not all of them need be here.
    pub readings: Vec<(Arc<str>, Option<Reading>)>,
    /// The paths of links that a detector would want as files.
    pub links: BTreeSet<ImagePath>,
}

impl LayerContent {
    /// Bytes of the paths and link targets of its entries.
    pub(crate) fn names_bytes(&self) -> u64 {
        self.entries.names_bytes()
    }

    /// Packages, modules and crates in it, see [`Limits::records`].
    pub(crate) fn records(&self) -> u64 {
        self.findings.iter().flat_map(|(_, found)| found).map(Finding::records).sum()
    }

    /// Bytes of the files that were to be kept whole, and of what was taken out of files.
    pub(crate) fn captured_bytes(&self) -> u64 {
        self.captured.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// Bytes of those of them that say something: of the others nothing is held.
    pub(crate) fn found_bytes(&self) -> u64 {
        let says = |entry: &usize| self.findings.binary_search_by_key(entry, |(of, _)| *of).is_ok();
        let found = self.captured.iter().filter(|(entry, _)| says(entry));
        found.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

/// What a file says that was read again, since a link leads to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reread {
    /// The path under which it matters.
    pub path: ImagePath,
    /// What it says.
    pub found: Vec<Finding>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Bytes that were to be kept whole for it, or taken out of it.
    pub captured: u64,
}

impl Reread {
    /// A file that says nothing under `path`.
    pub fn of(path: &ImagePath) -> Self {
        Self { path: path.clone(), ..Self::default() }
    }
}

/// The digests of a regular file of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedFile {
    /// Which entry it is, an index into [`LayerContent::entries`].
    pub entry: usize,
    /// The digests.
    pub digests: ContentDigests,
    /// The path of the entry, which mostly is the path under which the file is listed: kept to be shared.
    pub path: ImagePath,
}

/// One version of a file that says something about software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    /// The layer that made it.
    pub layer: usize,
    /// What it says, in `Overlay::found`; none if the layer removed the file, or replaced it by one that says
    /// nothing.
    found: Option<Index>,
}

/// A file that a layer holds and that can be read again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileAddress {
    /// The layer that holds it.
    pub layer: usize,
    /// Its path there, which may differ from the path under which it ends up.
    pub path: ImagePath,
}

/// The layers folded so far.
#[derive(Debug)]
pub struct Overlay<'l> {
    limits: &'l Limits,
    nodes: Vec<Node>,
    /// The nodes of what is there no longer, to be used again.
    free: Vec<u32>,
    /// Bytes of names and link targets that are held, see [`Limits::names_bytes`].
    names: u64,
    layers: usize,
    /// Where something was added last, if no link leads there: what comes next mostly lies there, too.
    recent: Option<(ImagePath, u32)>,
    /// The link of a lower layer that was followed last, and for which layer.
    crossed: Option<(u32, usize)>,
    found: Vec<Vec<Finding>>,
    /// By layer: the index of the first hashed file, and those of the layer.
    hashed: Vec<(u32, Vec<HashedFile>)>,
    history: BTreeMap<ImagePath, Vec<FileVersion>>,
    gaps: Gaps,
    readings: HashMap<Arc<str>, Option<Reading>>,
    links: BTreeSet<ImagePath>,
    /// Records in `history`, see [`Limits::records`].
    records: u64,
    /// Bytes of files that were to be kept whole, and of what was taken out of files, see [`Limits::captured_bytes`].
    captured: u64,
    /// Bytes of link targets followed, see [`Limits::link_bytes`].
    followed: Cell<u64>,
}

const ROOT: u32 = 0;

#[derive(Debug)]
struct Node {
    kind: NodeKind,
    layer: u32,
    /// What it says, in `Overlay::found`.
    found: Option<Index>,
    /// Where its content is, where that is not at the path of the node in its layer.
    written_as: Option<Box<FileAddress>>,
}

#[derive(Debug)]
enum NodeKind {
    Directory(BTreeMap<Box<[u8]>, u32>),
    File(Content),
    Symlink(Arc<[u8]>),
    Special,
}

/// What is known of a regular file's content. Under all its names it is the same.
#[derive(Debug, Clone, Copy)]
struct Content {
    size: u64,
    mode: u32,
    /// Among the hashed files of all layers.
    hashed: Option<Index>,
}

/// An index in four bytes, with room for none: there are as many nodes as files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Index(NonZeroU32);

impl Index {
    fn new(index: usize) -> Option<Self> {
        u32::try_from(index).ok()?.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    fn get(self) -> u32 {
        self.0.get() - 1
    }

    fn of<T>(self, list: &[T]) -> Option<&T> {
        list.get(self.get() as usize)
    }
}

impl<'l> Overlay<'l> {
    /// An image without layers.
    pub fn new(limits: &'l Limits) -> Self {
        let root =
            Node { kind: NodeKind::Directory(BTreeMap::new()), layer: 0, found: None, written_as: None };
        Self {
            limits,
            nodes: vec![root],
            free: Vec::new(),
            names: 0,
            layers: 0,
            recent: None,
            crossed: None,
            found: Vec::new(),
            hashed: Vec::new(),
            history: BTreeMap::new(),
            gaps: Gaps::new(limits.gaps),
            readings: HashMap::new(),
            links: BTreeSet::new(),
            records: 0,
            captured: 0,
            followed: Cell::new(0),
        }
    }

    /// Lays the next layer over those before.
    pub fn fold(&mut self, content: LayerContent) -> Result<(), LimitExceeded> {
        let layer = self.layers;
        self.layers += 1;
        self.gaps.append(content.gaps);
        self.readings.extend(content.readings);
        for link in content.links {
            self.hold(link.as_bytes().len());
            self.links.insert(link);
        }
        for file in &content.hashed {
            self.hold(file.path.as_bytes().len());
        }
        self.hide(&content.entries, layer)?;
        let mut findings = content.findings.into_iter().peekable();
        let mut captured = content.captured.into_iter().peekable();
        let first_hashed = self.hashed.last().map_or(0, |(first, files)| *first as usize + files.len());
        let mut hashed = content.hashed.iter().zip(first_hashed..).peekable();
        for (index, entry) in content.entries.iter().enumerate() {
            let mut found = findings.next_if(|(of, _)| *of == index).map(|(_, found)| found);
            if let Some((_, bytes)) = captured.next_if(|(of, _)| *of == index)
                && let Err(gap) = self.count_captured(bytes, &entry.path, layer)
            {
                self.gap(gap);
                found = None;
            }
            let hashed = hashed.next_if(|(file, _)| file.entry == index);
            self.add(entry, layer, found, hashed.and_then(|(_, at)| Index::new(at)))?;
            self.limits.link_bytes.check(self.followed.get())?;
            self.limits.names_bytes.check(self.names)?;
        }
        if !content.hashed.is_empty() {
            self.hashed.push((to_u32(first_hashed), content.hashed));
            self.drop_replaced_hashes();
        }
        Ok(())
    }

    /// Drops the digests of files that are there no longer, once they may be more than the others: so what is held is
    /// bounded by the files of the image, and dropping takes no longer than adding did.
    fn drop_replaced_hashes(&mut self) {
        let count: usize = self.hashed.iter().map(|(_, files)| files.len()).sum();
        if count / 2 <= self.nodes.len() {
            return;
        }
        let mut wanted = vec![false; count];
        for node in &self.nodes {
            if let NodeKind::File(Content { hashed: Some(index), .. }) = node.kind
                && let Some(wanted) = wanted.get_mut(index.get() as usize)
            {
                *wanted = true;
            }
        }
        let (mut kept, mut dropped) = (Vec::new(), 0_u64);
        let mut moved = vec![None; count];
        let all = std::mem::take(&mut self.hashed).into_iter().flat_map(|(_, files)| files);
        for ((file, wanted), moved) in all.zip(wanted).zip(&mut moved) {
            if wanted {
                *moved = Index::new(kept.len());
                kept.push(file);
            } else {
                dropped = dropped.saturating_add(file.path.as_bytes().len() as u64);
            }
        }
        for node in &mut self.nodes {
            if let NodeKind::File(Content { hashed, .. }) = &mut node.kind {
                *hashed = hashed.and_then(|index| index.of(&moved).copied().flatten());
            }
        }
        self.names = self.names.saturating_sub(dropped);
        self.hashed.push((0, kept));
    }

    /// Adds what reading a file of `layer` again under another path gave, as if it had always been known.
    pub fn add_reread(&mut self, layer: usize, read: Reread) -> Result<(), LimitExceeded> {
        let Reread { path, found, gaps, captured } = read;
        self.gaps.extend(gaps);
        if let Err(gap) = self.count_captured(captured, &path, layer) {
            self.gap(gap);
            return Ok(());
        }
        if found.is_empty() {
            return Ok(());
        }
        let found = self.hold_found(found);
        self.count_records(found)?;
        let versions = self.history.entry(path.clone()).or_default();
        versions.retain(|version| version.layer != layer);
        versions.push(FileVersion { layer, found });
        versions.sort_by_key(|version| version.layer);
        if let Some(node) = self.walk(&path, false).and_then(|id| self.nodes.get_mut(id as usize)) {
            node.found = found;
        }
        Ok(())
    }

    /// Number of layers folded.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// All files that say, or said, something about software, with their versions, lowest layer first.
    pub fn files(&self) -> impl Iterator<Item = (&ImagePath, &[FileVersion])> {
        self.history.iter().map(|(path, versions)| (path, versions.as_slice()))
    }

    /// What a version of a file says; nothing if it was removed.
    pub fn findings(&self, version: FileVersion) -> &[Finding] {
        version.found.and_then(|index| index.of(&self.found)).map_or(&[], Vec::as_slice)
    }

    /// What the file at `path` says as of `layer`, following links as they are in the end.
    pub fn findings_at(&self, path: &ImagePath, layer: usize) -> &[Finding] {
        let versions = self.history.get(path).or_else(|| self.history.get(&self.resolve(path)?));
        versions
            .and_then(|versions| versions.iter().rev().find(|version| version.layer <= layer))
            .map_or(&[], |version| self.findings(*version))
    }

    /// Number of regular files that are there in the end.
    pub fn file_count(&self) -> usize {
        let mut count = 0;
        let mut stack = vec![ROOT];
        while let Some(id) = stack.pop() {
            match self.nodes.get(id as usize).map(|node| &node.kind) {
                Some(NodeKind::Directory(children)) => stack.extend(children.values()),
                Some(NodeKind::File(_)) => count += 1,
                _ => {}
            }
        }
        count
    }

    /// A number of regular files and links that there are no more of in the end.
    pub fn most_files(&self) -> usize {
        self.nodes.len()
    }

    /// Notes something that could not be read.
    pub fn gap(&mut self, gap: Gap) {
        self.gaps.add(gap);
    }

    /// What could not be read, in the layers and in laying them over one another.
    pub fn take_gaps(&mut self) -> Gaps {
        std::mem::take(&mut self.gaps)
    }

    /// The paths of links, in any layer, that a detector would want as files.
    pub fn take_links(&mut self) -> BTreeSet<ImagePath> {
        std::mem::take(&mut self.links)
    }

    /// What texts of licences turned out to be, as far as the layers say.
    pub fn readings(&self) -> &HashMap<Arc<str>, Option<Reading>> {
        &self.readings
    }

    /// That paths remained unresolved because too many links had been followed, if so.
    pub fn unresolved(&self) -> Option<Gap> {
        let exceeded = self.limits.link_bytes.check(self.followed.get()).err()?;
        Some(Gap::new(GapKind::Limit, format!("not all symbolic links were followed: {exceeded}")))
    }

    /// Takes what a file says.
    fn hold_found(&mut self, found: Vec<Finding>) -> Option<Index> {
        self.found.push(found);
        Index::new(self.found.len() - 1)
    }

    /// Counts the bytes of a name that is held.
    fn hold(&mut self, bytes: usize) {
        self.names = self.names.saturating_add(bytes as u64);
    }

    /// Counts a file that was to be kept whole. Where those of the layers below and those before it in its own leave no
    /// room, what it says is not taken, whatever its reader had room for; nor is that of any file behind it.
    fn count_captured(&mut self, bytes: u64, path: &ImagePath, layer: usize) -> Result<(), Gap> {
        self.captured = self.captured.saturating_add(bytes);
        let exceeded = self.limits.captured_bytes.check(self.captured).err().filter(|_| bytes > 0);
        exceeded.map_or(Ok(()), |exceeded| {
            let gap = Gap::new(GapKind::Limit, exceeded.to_string());
            Err(Gap { layer: Some(layer), path: Some(path.clone()), ..gap })
        })
    }

    /// Counts what a version of a file says.
    fn count_records(&mut self, found: Option<Index>) -> Result<(), LimitExceeded> {
        let found = found.and_then(|index| index.of(&self.found)).map_or(&[][..], Vec::as_slice);
        self.records += found.iter().map(Finding::records).sum::<u64>();
        self.limits.records.check(self.records)
    }
}

impl Node {
    /// Bytes of names and link targets that are held for it, if it is called `name`.
    fn names_bytes(&self, name: &[u8]) -> usize {
        let target = if let NodeKind::Symlink(target) = &self.kind { target.len() } else { 0 };
        let address = self.written_as.as_ref().map_or(0, |address| address.path.as_bytes().len());
        name.len() + target + address
    }

    /// Where its content is, if the node lies at `path`.
    fn address(&self, path: ImagePath) -> FileAddress {
        let own = || FileAddress { layer: self.layer as usize, path };
        self.written_as.as_deref().cloned().unwrap_or_else(own)
    }
}

fn to_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
