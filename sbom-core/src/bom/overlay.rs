//! Layers laid over one another, as an engine would unpack them: which files are there in the end, under
//! which path, and what happened to the files that say something about software.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroU32,
    sync::Arc,
};

use crate::{
    detect::{Finding, Gap, GapKind},
    digest::ContentDigests,
    image_path::ImagePath,
    layer::{Entry, EntryKind},
    license::text::Reading,
    limits::{LimitExceeded, Limits},
};

mod visible;

pub use visible::{VisibleFile, VisibleFiles};

/// What the scan of one layer gave.
#[derive(Debug, Clone, Default)]
pub struct LayerContent {
    /// All entries in the order of the archive.
    pub entries: Vec<Entry>,
    /// What was found in which entry (an index into `entries`), ascending.
    pub findings: Vec<(usize, Vec<Finding>)>,
    /// The regular files that were hashed, in the order of `entries`; none unless files are to be listed.
    pub hashed: Vec<HashedFile>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Bytes of files that were kept whole to be read, see [`Limits::captured_bytes`].
    pub captured: u64,
    /// What texts of licences in the findings turned out to be; not all of them need be here.
    pub readings: Vec<(Arc<str>, Option<Reading>)>,
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
    layers: usize,
    /// Where something was added last, if no link leads there: what comes next mostly lies there, too.
    recent: Option<(ImagePath, u32)>,
    found: Vec<Vec<Finding>>,
    /// By layer: the index of the first hashed file, and those of the layer.
    hashed: Vec<(u32, Vec<HashedFile>)>,
    history: BTreeMap<ImagePath, Vec<FileVersion>>,
    gaps: Vec<Gap>,
    readings: HashMap<Arc<str>, Option<Reading>>,
    /// Records in `history`, see [`Limits::records`].
    records: u64,
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
    Symlink(Box<[u8]>),
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
            layers: 0,
            recent: None,
            found: Vec::new(),
            hashed: Vec::new(),
            history: BTreeMap::new(),
            gaps: Vec::new(),
            readings: HashMap::new(),
            records: 0,
            followed: Cell::new(0),
        }
    }

    /// Lays the next layer over those before.
    pub fn fold(&mut self, content: LayerContent) -> Result<(), LimitExceeded> {
        let layer = self.layers;
        self.layers += 1;
        self.gaps.extend(content.gaps);
        self.readings.extend(content.readings);
        // What a layer hides lies below it, wherever the marker stands among its entries.
        for entry in &content.entries {
            match entry.kind {
                EntryKind::Whiteout => self.remove(&entry.path, layer, true),
                EntryKind::OpaqueDirectory => self.remove(&entry.path, layer, false),
                _ => {}
            }
            self.limits.link_bytes.check(self.followed.get())?;
        }
        let mut findings = content.findings.into_iter().peekable();
        let first_hashed = self.hashed.last().map_or(0, |(first, files)| *first as usize + files.len());
        let mut hashed = content.hashed.iter().zip(first_hashed..).peekable();
        for (index, entry) in content.entries.into_iter().enumerate() {
            let found = findings.next_if(|(of, _)| *of == index).and_then(|(_, found)| {
                self.found.push(found);
                Index::new(self.found.len() - 1)
            });
            let hashed = hashed.next_if(|(file, _)| file.entry == index);
            self.add(entry, layer, found, hashed.and_then(|(_, at)| Index::new(at)))?;
            self.limits.link_bytes.check(self.followed.get())?;
        }
        if !content.hashed.is_empty() {
            self.hashed.push((to_u32(first_hashed), content.hashed));
        }
        Ok(())
    }

    /// Adds what reading a file again under another path gave, as if it had always been known.
    pub fn add_reread(
        &mut self,
        path: &ImagePath,
        layer: usize,
        found: Vec<Finding>,
        gaps: Vec<Gap>,
    ) -> Result<(), LimitExceeded> {
        self.gaps.extend(gaps);
        if found.is_empty() {
            return Ok(());
        }
        self.found.push(found);
        let found = Index::new(self.found.len() - 1);
        self.count_records(found)?;
        let versions = self.history.entry(path.clone()).or_default();
        versions.retain(|version| version.layer != layer);
        versions.push(FileVersion { layer, found });
        versions.sort_by_key(|version| version.layer);
        if let Some(node) = self.walk(path, false).and_then(|id| self.nodes.get_mut(id as usize)) {
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

    /// Where `path` ends up when links are followed, the last component's too; none if nothing is there.
    pub fn resolve(&self, path: &ImagePath) -> Option<ImagePath> {
        self.locate(path, true).map(|(path, _)| path)
    }

    /// As [`Self::resolve`], seen from the nested root `root`: an absolute link leads to a file below it, and none
    /// leads out of it. Links in the path of `root` itself are not followed.
    pub fn resolve_within(&self, root: &ImagePath, path: &ImagePath) -> Option<ImagePath> {
        let inside = path.strip_prefix(root)?;
        let mut start = vec![ROOT];
        for name in root.components() {
            start.push(self.child(*start.last()?, name)?);
        }
        let names = root.components().map(Into::into).collect();
        self.locate_from(start, names, &inside, true).map(|(path, _)| path)
    }

    /// The directory part resolved, the last component not followed; none if nothing is there.
    pub fn resolve_parent(&self, path: &ImagePath) -> Option<ImagePath> {
        self.locate(path, false).map(|(path, _)| path)
    }

    /// Whether something (a dangling link, too) is at `path` in the end.
    pub fn contains(&self, path: &ImagePath) -> bool {
        self.walk(path, false).is_some()
    }

    /// Whether `path` leads to a regular file in the end.
    pub fn is_file(&self, path: &ImagePath) -> bool {
        self.file(path).is_some()
    }

    /// The layer that holds what is at `path` in the end.
    pub fn layer_of(&self, path: &ImagePath) -> Option<usize> {
        let id = self.walk(path, true)?;
        Some(self.nodes.get(id as usize)?.layer as usize)
    }

    /// Where to read the regular file that `path` leads to in the end.
    pub fn address(&self, path: &ImagePath) -> Option<FileAddress> {
        let (resolved, node) = self.file(path)?;
        Some(node.address(resolved))
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
        self.gaps.push(gap);
    }

    /// What could not be read, in the layers and in laying them over one another.
    pub fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
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

    /// Counts what a version of a file says.
    fn count_records(&mut self, found: Option<Index>) -> Result<(), LimitExceeded> {
        let found = found.and_then(|index| index.of(&self.found)).map_or(&[][..], Vec::as_slice);
        self.records += found.iter().map(Finding::records).sum::<u64>();
        self.limits.records.check(self.records)
    }

    /// Whether a link to `target` may be followed, the last after `hops` others.
    fn may_follow(&self, target: &[u8], hops: u64) -> bool {
        self.followed.set(self.followed.get().saturating_add(target.len() as u64));
        let followed = self.limits.link_bytes.check(self.followed.get());
        self.limits.link_hops.check(hops).and(followed).is_ok()
    }

    fn file(&self, path: &ImagePath) -> Option<(ImagePath, &Node)> {
        let (path, id) = self.locate(path, true)?;
        let node = self.nodes.get(id as usize)?;
        matches!(node.kind, NodeKind::File(_)).then_some((path, node))
    }

    fn walk(&self, path: &ImagePath, follow: bool) -> Option<u32> {
        self.locate(path, follow).map(|(_, id)| id)
    }

    /// Finds `path`, following links in its directories and, if `follow`, of its last component.
    fn locate(&self, path: &ImagePath, follow: bool) -> Option<(ImagePath, u32)> {
        self.locate_from(vec![ROOT], Vec::new(), path, follow)
    }

    /// Finds `path` below the directory `at`, the last of a chain from the root, whose names are `names`: that
    /// directory is the root of links.
    fn locate_from(
        &self,
        mut at: Vec<u32>,
        mut names: Vec<Box<[u8]>>,
        path: &ImagePath,
        follow: bool,
    ) -> Option<(ImagePath, u32)> {
        let mut hops = 0;
        let mut pending: Vec<Box<[u8]>> = reversed(path.as_bytes());
        let depth = at.len();
        while let Some(name) = pending.pop() {
            if &*name == b".." {
                if at.len() > depth {
                    at.pop();
                    names.pop();
                }
                continue;
            }
            let NodeKind::Directory(children) = &self.nodes.get(*at.last()? as usize)?.kind else {
                return None;
            };
            let child = *children.get(&name)?;
            match &self.nodes.get(child as usize)?.kind {
                NodeKind::Symlink(target) if follow || !pending.is_empty() => {
                    hops += 1;
                    if !self.may_follow(target, hops) {
                        return None;
                    }
                    if target.first() == Some(&b'/') {
                        at.truncate(depth);
                        names.truncate(depth - 1);
                    }
                    pending.extend(reversed(target));
                }
                _ => {
                    at.push(child);
                    names.push(name);
                }
            }
        }
        Some((ImagePath::new(&names.join(&b'/')), *at.last()?))
    }

    fn add(
        &mut self,
        entry: Entry,
        layer: usize,
        found: Option<Index>,
        hashed: Option<Index>,
    ) -> Result<(), LimitExceeded> {
        self.limits.path_depth.check(entry.path.components().count() as u64)?;
        let (kind, found) = match entry.kind {
            EntryKind::Whiteout | EntryKind::OpaqueDirectory => return Ok(()),
            EntryKind::File => {
                (NodeKind::File(Content { size: entry.size, mode: entry.mode, hashed }), found)
            }
            EntryKind::Symlink(target) => (NodeKind::Symlink(target), None),
            EntryKind::Special => (NodeKind::Special, None),
            EntryKind::Directory => (NodeKind::Directory(BTreeMap::new()), None),
            EntryKind::HardLink(target) => {
                let node = self.walk(&target, false).and_then(|id| self.nodes.get(id as usize));
                let of = node.and_then(|node| {
                    let kind = match &node.kind {
                        NodeKind::File(content) => NodeKind::File(*content),
                        NodeKind::Symlink(target) => NodeKind::Symlink(target.clone()),
                        NodeKind::Special => NodeKind::Special,
                        NodeKind::Directory(_) => return None,
                    };
                    Some((node, kind))
                });
                let Some((node, kind)) = of else {
                    let what =
                        if node.is_some() { "is a directory" } else { "is not in the image at that point" };
                    let gap = Gap::new(GapKind::Unresolved, format!("a hard link to {target}, which {what}"));
                    self.gaps.push(Gap { layer: Some(layer), path: Some(entry.path), ..gap });
                    return Ok(());
                };
                let written_as = Some(Box::new(node.address(target)));
                let node = Node { kind, layer: to_u32(layer), found: found.or(node.found), written_as };
                return self.insert(&entry.path, node, layer);
            }
        };
        let node = Node { kind, layer: to_u32(layer), found, written_as: None };
        self.insert(&entry.path, node, layer)
    }

    fn insert(&mut self, path: &ImagePath, mut node: Node, layer: usize) -> Result<(), LimitExceeded> {
        let Some((parent, real)) = self.place(path, layer)? else { return Ok(()) };
        if path.is_root() {
            return Ok(());
        }
        let name = path.file_name();
        let is_directory = matches!(node.kind, NodeKind::Directory(_));
        if let Some(existing) = self.child(parent, name) {
            let directory_again = is_directory
                && matches!(self.nodes.get(existing as usize).map(|n| &n.kind), Some(NodeKind::Directory(_)));
            if directory_again {
                return Ok(());
            }
            self.forget(existing, &real, layer);
        }
        if node.written_as.is_none() && real != *path && !is_directory {
            node.written_as = Some(Box::new(FileAddress { layer, path: path.clone() }));
        }
        if node.found.is_some() {
            self.count_records(node.found)?;
            self.record(&real, FileVersion { layer, found: node.found });
        }
        let id = self.push(node)?;
        if let Some(NodeKind::Directory(children)) = self.nodes.get_mut(parent as usize).map(|n| &mut n.kind)
        {
            children.insert(name.into(), id);
        }
        Ok(())
    }

    fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        match &self.nodes.get(parent as usize)?.kind {
            NodeKind::Directory(children) => children.get(name).copied(),
            _ => None,
        }
    }

    fn push(&mut self, node: Node) -> Result<u32, LimitExceeded> {
        let id = to_u32(self.nodes.len());
        self.limits.entries.check(u64::from(id))?;
        self.nodes.push(node);
        Ok(id)
    }

    /// The directory that is to hold `path`, and the path that it has there.
    fn place(&mut self, path: &ImagePath, layer: usize) -> Result<Option<(u32, ImagePath)>, LimitExceeded> {
        if let Some((_, id)) = self.recent.as_ref().filter(|(directory, _)| lies_in(path, directory)) {
            return Ok(Some((*id, path.clone())));
        }
        let Some((id, directory)) = self.make_parent(path, layer)? else { return Ok(None) };
        let real = directory.join(path.file_name());
        self.recent = (real == *path).then_some((directory, id));
        Ok(Some((id, real)))
    }

    /// The directory that is to hold `path`, made where it is missing, with its real path. Links on the way are
    /// followed; a file on the way gives way to a directory. None, and a gap, where the links run in a circle or
    /// too deep.
    fn make_parent(
        &mut self,
        path: &ImagePath,
        layer: usize,
    ) -> Result<Option<(u32, ImagePath)>, LimitExceeded> {
        let parent = path.parent().unwrap_or_default();
        let mut hops = 0;
        let mut pending: Vec<Box<[u8]>> = reversed(parent.as_bytes());
        let mut at = vec![ROOT];
        let mut names: Vec<Box<[u8]>> = Vec::new();
        while let Some(name) = pending.pop() {
            if &*name == b".." {
                if at.len() > 1 {
                    at.pop();
                    names.pop();
                }
                continue;
            }
            let here = at.last().copied().unwrap_or(ROOT);
            let child = self.child(here, &name);
            if self.limits.path_depth.check(names.len() as u64).is_err() {
                self.no_parent(path, layer, "the links in its directory lead too deep");
                return Ok(None);
            }
            match child.and_then(|id| Some((id, &self.nodes.get(id as usize)?.kind))) {
                Some((child, NodeKind::Directory(_))) => {
                    at.push(child);
                    names.push(name);
                }
                Some((_, NodeKind::Symlink(target))) => {
                    hops += 1;
                    if !self.may_follow(target, hops) {
                        self.no_parent(path, layer, "the links in its directory run in a circle");
                        return Ok(None);
                    }
                    if target.first() == Some(&b'/') {
                        at.truncate(1);
                        names.clear();
                    }
                    pending.extend(reversed(target));
                }
                Some((_, NodeKind::File(_) | NodeKind::Special)) | None => {
                    names.push(name.clone());
                    if let Some(existing) = child {
                        self.forget(existing, &ImagePath::new(&names.join(&b'/')), layer);
                    }
                    let id = self.push(Node {
                        kind: NodeKind::Directory(BTreeMap::new()),
                        layer: to_u32(layer),
                        found: None,
                        written_as: None,
                    })?;
                    if let Some(NodeKind::Directory(children)) =
                        self.nodes.get_mut(here as usize).map(|node| &mut node.kind)
                    {
                        children.insert(name, id);
                    }
                    at.push(id);
                }
            }
        }
        Ok(Some((at.last().copied().unwrap_or(ROOT), ImagePath::new(&names.join(&b'/')))))
    }

    fn no_parent(&mut self, path: &ImagePath, layer: usize, why: &str) {
        let gap = Gap::new(GapKind::Unresolved, why);
        self.gaps.push(Gap { layer: Some(layer), path: Some(path.clone()), ..gap });
    }

    /// Removes what lower layers have at `path`, or, unless `itself`, all that they have below it.
    fn remove(&mut self, path: &ImagePath, layer: usize, itself: bool) {
        let Some((real, id)) = self.locate(path, !itself) else { return };
        if itself {
            self.forget(id, &real, layer);
            let Some(parent) = real.parent().and_then(|parent| self.walk(&parent, false)) else { return };
            if let Some(NodeKind::Directory(children)) =
                self.nodes.get_mut(parent as usize).map(|n| &mut n.kind)
            {
                children.remove(real.file_name());
            }
        } else {
            self.forget(id, &real, layer);
            if let Some(NodeKind::Directory(children)) = self.nodes.get_mut(id as usize).map(|n| &mut n.kind)
            {
                children.clear();
            }
        }
    }

    /// Notes that the files at and below `id` are gone as of `layer`.
    fn forget(&mut self, id: u32, path: &ImagePath, layer: usize) {
        self.recent = None;
        let mut gone: BTreeSet<ImagePath> = BTreeSet::new();
        let mut stack = vec![(id, path.clone())];
        while let Some((id, path)) = stack.pop() {
            let Some(node) = self.nodes.get(id as usize) else { continue };
            if let NodeKind::Directory(children) = &node.kind {
                stack.extend(children.iter().map(|(name, child)| (*child, path.join(name))));
            } else if node.found.is_some() {
                gone.insert(path);
            }
        }
        for path in gone {
            self.record(&path, FileVersion { layer, found: None });
        }
    }

    /// Adds a version to a file's history; of two in one layer the later counts.
    fn record(&mut self, path: &ImagePath, version: FileVersion) {
        let versions = self.history.entry(path.clone()).or_default();
        if versions.last().is_some_and(|last| last.layer == version.layer) {
            versions.pop();
        }
        if version.found.is_some() || versions.last().is_some_and(|last| last.found.is_some()) {
            versions.push(version);
        }
        if versions.is_empty() {
            self.history.remove(path);
        }
    }
}

impl Node {
    /// Where its content is, if the node lies at `path`.
    fn address(&self, path: ImagePath) -> FileAddress {
        let own = || FileAddress { layer: self.layer as usize, path };
        self.written_as.as_deref().cloned().unwrap_or_else(own)
    }
}

/// Whether `path` is that of something in `directory` itself.
fn lies_in(path: &ImagePath, directory: &ImagePath) -> bool {
    let name = match directory.as_bytes() {
        [] => Some(path.as_bytes()),
        directory => path.as_bytes().strip_prefix(directory).and_then(|rest| rest.strip_prefix(b"/")),
    };
    name.is_some_and(|name| !name.is_empty() && !name.contains(&b'/'))
}

/// The components of a path or link target, last first, `..` kept, as a stack of what is still to walk.
fn reversed(path: &[u8]) -> Vec<Box<[u8]>> {
    path.rsplit(|&b| b == b'/').filter(|part| !matches!(*part, b"" | b".")).map(Into::into).collect()
}

fn to_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries as a shell would make them: `f PATH` file, `F PATH` file with a finding, `d PATH` directory,
    /// `l PATH TARGET` symbolic link, `h PATH TARGET` hard link, `w PATH` whiteout, `o PATH` opaque directory.
    fn layer(lines: &[&str]) -> LayerContent {
        let mut content = LayerContent::default();
        for line in lines {
            let mut words = line.split(' ');
            let (what, path) = (words.next().unwrap(), ImagePath::from(words.next().unwrap()));
            let kind = match what {
                "f" | "F" => EntryKind::File,
                "d" => EntryKind::Directory,
                "l" => EntryKind::Symlink(words.next().unwrap().as_bytes().into()),
                "h" => EntryKind::HardLink(words.next().unwrap().into()),
                "w" => EntryKind::Whiteout,
                "o" => EntryKind::OpaqueDirectory,
                _ => unreachable!(),
            };
            if what == "F" {
                let found = vec![Finding::OsRelease(Box::default())];
                content.findings.push((content.entries.len(), found));
            }
            content.entries.push(Entry { path, kind, mode: 0o644, size: 0 });
        }
        content
    }

    fn overlay<'l>(limits: &'l Limits, layers: &[&[&str]]) -> Overlay<'l> {
        let mut overlay = Overlay::new(limits);
        for lines in layers {
            overlay.fold(layer(lines)).unwrap();
        }
        overlay
    }

    /// Folds `layers` and compares what is left of the files with findings: `PATH LAYER…`, `-` before a layer
    /// that removed the file.
    fn check(layers: &[&[&str]], expected: &[&str]) {
        let limits = Limits::default();
        let overlay = overlay(&limits, layers);
        let found: Vec<String> = overlay
            .files()
            .map(|(path, versions)| {
                let versions = versions.iter().map(|version| {
                    format!(" {}{}", if version.found.is_some() { "" } else { "-" }, version.layer)
                });
                format!("{path}{}", versions.collect::<String>())
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_higher_layer_replaces_a_file() {
        check(&[&["F db"], &["F db"]], &["/db 0 1"]);
        check(&[&["F db"], &["f db"]], &["/db 0 -1"]);
    }

    #[test]
    fn of_one_path_twice_in_a_layer_the_later_counts() {
        check(&[&["F db", "f db"]], &[]);
        check(&[&["f db", "F db"]], &["/db 0"]);
    }

    #[test]
    fn a_whiteout_hides_a_file_and_all_below_a_directory() {
        check(&[&["F a/db", "F a/b/db", "F c"], &["w a"]], &["/a/b/db 0 -1", "/a/db 0 -1", "/c 0"]);
    }

    #[test]
    fn a_whiteout_does_not_hide_what_its_own_layer_adds() {
        check(&[&["F db"], &["F db", "w db"]], &["/db 0 1"]);
        check(&[&["F d/db"], &["F d/new", "o d"]], &["/d/db 0 -1", "/d/new 1"]);
    }

    #[test]
    fn an_opaque_directory_hides_lower_files_and_stays() {
        check(&[&["F d/db"], &["d d", "o d"], &["F d/new"]], &["/d/db 0 -1", "/d/new 2"]);
        check(&[&["F db"], &["o ."]], &["/db 0 -1"]);
    }

    #[test]
    fn whiteouts_of_nothing_are_harmless() {
        check(&[&["w a/b", "o c", "F db"]], &["/db 0"]);
    }

    #[test]
    fn a_file_written_through_a_link_lies_where_the_link_leads() {
        check(
            &[&["l lib usr/lib", "d usr/lib", "F usr/lib/apk/db"], &["F lib/apk/db"]],
            &["/usr/lib/apk/db 0 1"],
        );
    }

    #[test]
    fn links_climb_no_higher_than_the_root() {
        check(&[&["l a/b ../../../../usr", "F a/b/db"]], &["/usr/db 0"]);
        check(&[&["l b /usr/x", "F b/db"]], &["/usr/x/db 0"]);
    }

    #[test]
    fn a_directory_that_replaces_a_link_hides_what_lay_behind_it_under_that_name_only() {
        check(&[&["l lib usr/lib", "F usr/lib/db"], &["d lib", "F lib/db"]], &["/lib/db 1", "/usr/lib/db 0"]);
    }

    #[test]
    fn what_follows_the_replacement_of_its_directory_lies_elsewhere() {
        check(&[&["F a/b/x", "l a/b /c", "F a/b/y"]], &["/c/y 0"]);
        check(&[&["F a/b/x", "l a /c", "F a/b/y"]], &["/c/b/y 0"]);
        check(&[&["F a/b/x"], &["l a/b /c", "F a/b/y"]], &["/a/b/x 0 -1", "/c/y 1"]);
        check(&[&["F a/b/x"], &["w a", "F a/b/y"]], &["/a/b/x 0 -1", "/a/b/y 1"]);
        check(&[&["F a/b/x"], &["o a", "F a/b/x"]], &["/a/b/x 0 1"]);
        check(
            &[&["F a/x", "F a/b/x", "F a/y", "F ab", "F a/b/y"]],
            &["/a/b/x 0", "/a/b/y 0", "/a/x 0", "/a/y 0", "/ab 0"],
        );
    }

    #[test]
    fn a_file_that_becomes_a_directory_is_gone() {
        check(&[&["F a"], &["F a/db"]], &["/a 0 -1", "/a/db 1"]);
        check(&[&["F a/db"], &["F a"]], &["/a 1", "/a/db 0 -1"]);
        check(&[&["F a", "d a", "F a/db"]], &["/a/db 0"]);
    }

    #[test]
    fn a_hard_link_has_the_findings_of_its_target() {
        check(&[&["F a", "h b a"]], &["/a 0", "/b 0"]);
        check(&[&["F a"], &["h b a"], &["w a"]], &["/a 0 -2", "/b 1"]);
    }

    #[test]
    fn a_hard_link_to_nothing_is_a_gap() {
        let limits = Limits::default();
        let mut overlay = overlay(&limits, &[&["h b a"]]);
        assert_eq!(overlay.take_gaps().len(), 1);
        assert!(!overlay.contains(&"b".into()));
    }

    #[test]
    fn a_circle_of_links_is_a_gap_and_ends() {
        let limits = Limits::default();
        let mut overlay = overlay(&limits, &[&["l a b", "l b a", "F a/db", "F ok"]]);
        assert_eq!(overlay.take_gaps().len(), 1);
        assert_eq!(overlay.resolve(&"a".into()), None);
        assert_eq!(overlay.resolve(&"ok".into()), Some("ok".into()));
    }

    #[test]
    fn links_are_resolved_across_layers() {
        let limits = Limits::default();
        let overlay =
            overlay(&limits, &[&["l etc/os-release ../usr/lib/os-release"], &["F usr/lib/os-release"]]);
        let link = ImagePath::from("etc/os-release");
        assert_eq!(overlay.resolve(&link), Some("usr/lib/os-release".into()));
        assert_eq!(overlay.resolve_parent(&link), Some(link.clone()));
        assert_eq!(overlay.findings_at(&link, 1).len(), 1);
        assert_eq!(overlay.findings_at(&link, 0).len(), 0);
        assert_eq!(overlay.layer_of(&link), Some(1));
    }

    #[test]
    fn links_of_a_nested_root_lead_nowhere_else() {
        let limits = Limits::default();
        let layers: &[&[&str]] = &[&[
            "f usr/a",
            "f jail/usr/a",
            "l jail/lib /usr",
            "l jail/up ../../usr",
            "l jail/out ../x",
            "f x",
        ]];
        let overlay = overlay(&limits, layers);
        let within = |path: &str| overlay.resolve_within(&"jail".into(), &path.into()).map(|p| p.to_string());
        assert_eq!(within("jail/lib/a").as_deref(), Some("/jail/usr/a"));
        assert_eq!(within("jail/up/a").as_deref(), Some("/jail/usr/a"));
        assert_eq!(within("jail").as_deref(), Some("/jail"));
        assert_eq!((within("jail/out"), within("usr/a")), (None, None));
        assert_eq!(overlay.resolve(&"jail/lib/a".into()), Some("usr/a".into()));
    }

    #[test]
    fn the_address_of_a_file_is_its_path_in_its_layer() {
        let limits = Limits::default();
        let overlay =
            overlay(&limits, &[&["l lib usr/lib", "d usr/lib"], &["f lib/a", "h b lib/a", "l c b"]]);
        let address = |path: &str| overlay.address(&path.into()).map(|a| (a.layer, a.path.to_string()));
        assert_eq!(address("usr/lib/a"), Some((1, "/lib/a".into())));
        assert_eq!(address("c"), Some((1, "/lib/a".into())));
        assert_eq!(address("usr"), None);
    }

    #[test]
    fn files_are_counted_as_they_are_in_the_end() {
        let limits = Limits::default();
        assert_eq!(overlay(&limits, &[&["f a", "f b/c", "l d a"], &["w a", "f e"]]).file_count(), 2);
    }
}
