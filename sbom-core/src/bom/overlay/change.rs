//! What an entry of the next layer changes: what it adds, replaces and removes.

use std::collections::BTreeMap;

use super::{
    Content, FileAddress, FileVersion, Index, Node, NodeKind, Overlay, ROOT, find::reversed, to_u32,
};
use crate::{
    detect::{Finding, Gap, GapKind},
    image_path::ImagePath,
    layer::{Entries, Entry, EntryKind},
    limits::LimitExceeded,
};

impl Overlay<'_> {
    pub(super) fn add(
        &mut self,
        entry: Entry,
        layer: usize,
        found: Option<Vec<Finding>>,
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
                let of = self.locate(&target, false);
                let of = of.and_then(|(path, id)| Some((path, self.nodes.get(id as usize)?)));
                let node = of.as_ref().map(|(_, node)| *node);
                let of = of.and_then(|(path, node)| {
                    let kind = match &node.kind {
                        NodeKind::File(content) => NodeKind::File(*content),
                        NodeKind::Symlink(target) => NodeKind::Symlink(target.clone()),
                        NodeKind::Special => NodeKind::Special,
                        NodeKind::Directory(_) => return None,
                    };
                    Some((path, node, kind))
                });
                let Some((path, node, kind)) = of else {
                    let what =
                        if node.is_some() { "is a directory" } else { "is not in the image at that point" };
                    let gap = Gap::new(GapKind::Unresolved, format!("a hard link to {target}, which {what}"));
                    self.gap(Gap { layer: Some(layer), path: Some(entry.path), ..gap });
                    return Ok(());
                };
                let written_as = Some(Box::new(node.address(path)));
                let node = Node { kind, layer: to_u32(layer), found: node.found, written_as };
                return self.insert(&entry.path, node, found, layer);
            }
        };
        let node = Node { kind, layer: to_u32(layer), found: None, written_as: None };
        self.insert(&entry.path, node, found, layer)
    }

    /// Puts `node` at `path`. What it says by itself, `found`, is held only if there is a place for it.
    fn insert(
        &mut self,
        path: &ImagePath,
        mut node: Node,
        found: Option<Vec<Finding>>,
        layer: usize,
    ) -> Result<(), LimitExceeded> {
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
        if let Some(found) = found {
            node.found = self.hold_found(found);
        }
        if node.found.is_some() {
            self.count_records(node.found)?;
            self.record(&real, FileVersion { layer, found: node.found });
        }
        self.attach(parent, name.into(), node)?;
        Ok(())
    }

    /// Puts `node` into the directory `parent`, in the place of one that is there no longer if there is any.
    fn attach(&mut self, parent: u32, name: Box<[u8]>, node: Node) -> Result<u32, LimitExceeded> {
        self.hold(node.names_bytes(&name));
        let id = match self.free.pop() {
            Some(id) => id,
            None => to_u32(self.nodes.len()),
        };
        if let Some(free) = self.nodes.get_mut(id as usize) {
            *free = node;
        } else {
            self.limits.image_entries.check(u64::from(id))?;
            self.nodes.push(node);
        }
        if let Some(NodeKind::Directory(children)) = self.nodes.get_mut(parent as usize).map(|n| &mut n.kind)
        {
            children.insert(name, id);
        }
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
                Some((link, NodeKind::Symlink(target))) => {
                    hops += 1;
                    if !self.may_follow(target, hops) {
                        self.no_parent(path, layer, "the links in its directory run in a circle");
                        return Ok(None);
                    }
                    pending.extend(reversed(target));
                    let is_absolute = target.first() == Some(&b'/');
                    if self.is_crossed_first(link, layer) {
                        self.crosses(&ImagePath::new(&names.join(&b'/')).join(&name), layer);
                    }
                    if is_absolute {
                        at.truncate(1);
                        names.clear();
                    }
                }
                Some((_, NodeKind::File(_) | NodeKind::Special)) | None => {
                    names.push(name.clone());
                    if let Some(existing) = child {
                        self.forget(existing, &ImagePath::new(&names.join(&b'/')), layer);
                    }
                    let directory = Node {
                        kind: NodeKind::Directory(BTreeMap::new()),
                        layer: to_u32(layer),
                        found: None,
                        written_as: None,
                    };
                    at.push(self.attach(here, name, directory)?);
                }
            }
        }
        Ok(Some((at.last().copied().unwrap_or(ROOT), ImagePath::new(&names.join(&b'/')))))
    }

    /// Whether `link` is of a layer below `layer`, and was not just followed for the same layer.
    fn is_crossed_first(&mut self, link: u32, layer: usize) -> bool {
        let is_older = self.nodes.get(link as usize).is_some_and(|node| (node.layer as usize) < layer);
        is_older && self.crossed.replace((link, layer)) != Some((link, layer))
    }

    /// Notes that `layer` names something by way of `link`, which is of a lower layer.
    fn crosses(&mut self, link: &ImagePath, layer: usize) {
        let message = "this layer writes or removes files by way of this link of a lower layer: some engines follow it, and \
                       those that lay file systems over one another put a directory in its place";
        let gap = Gap::new(GapKind::Unresolved, message);
        self.gap(Gap { layer: Some(layer), path: Some(link.clone()), ..gap });
    }

    fn no_parent(&mut self, path: &ImagePath, layer: usize, why: &str) {
        let gap = Gap::new(GapKind::Unresolved, why);
        self.gap(Gap { layer: Some(layer), path: Some(path.clone()), ..gap });
    }

    /// Removes what a layer hides: it lies below it, wherever the marker stands among its entries.
    ///
    /// No links are followed: what replaces a link by a directory has a marker there, too, which hides nothing of what the link
    /// led to.
    pub(super) fn hide(&mut self, entries: &Entries, layer: usize) -> Result<(), LimitExceeded> {
        let mut directories = None;
        let mut unpacking = entries.unpack();
        for index in 0..entries.len() {
            let Some(entry) = unpacking.next() else { break };
            if !entry.hides() {
                continue;
            }
            let entry = entry.to_entry();
            let itself = match entry.kind {
                EntryKind::Whiteout => true,
                EntryKind::OpaqueDirectory => false,
                _ => continue,
            };
            let Some(link) = self.link_on(&entry.path, itself) else {
                self.remove(&entry.path, layer, itself);
                continue;
            };
            let made = directories.get_or_insert_with(|| directories_of(entries));
            let is_replaced = made.get(&link).is_some_and(|first| *first < index);
            if !is_replaced && self.locate(&entry.path, !itself).is_some() {
                self.crosses(&link, layer);
            }
            self.limits.link_bytes.check(self.followed.get())?;
        }
        Ok(())
    }

    /// Removes what lower layers have at `path`, or, unless `itself`, all that they have below it.
    fn remove(&mut self, path: &ImagePath, layer: usize, itself: bool) {
        let Some((real, id)) = self.locate(path, !itself) else { return };
        let parent = real.parent().filter(|_| itself).and_then(|parent| self.walk(&parent, false));
        if let Some(NodeKind::Directory(children)) =
            parent.and_then(|id| self.nodes.get_mut(id as usize)).map(|node| &mut node.kind)
        {
            children.remove(real.file_name());
            self.forget(id, &real, layer);
        } else {
            self.forget_below(id, &real, layer);
        }
    }

    /// Notes that the files at and below `id` are gone as of `layer`. Whoever calls it puts something else in its place in
    /// the directory that holds it, or nothing.
    fn forget(&mut self, id: u32, path: &ImagePath, layer: usize) {
        let parent = path.parent().unwrap_or_default().as_bytes().to_vec();
        let gone = vec![Gone { id, name: path.file_name().into(), directory: parent.len() }];
        self.forget_all(gone, parent, layer);
    }

    /// Empties the directory `id` and notes that the files below it are gone as of `layer`; so is what is no directory.
    fn forget_below(&mut self, id: u32, path: &ImagePath, layer: usize) {
        let Some(node) = self.nodes.get_mut(id as usize) else { return };
        if let NodeKind::Directory(children) = &mut node.kind {
            let gone = Gone::all(std::mem::take(children), path.as_bytes().len());
            self.forget_all(gone.collect(), path.as_bytes().to_vec(), layer);
        } else if node.found.is_some() {
            self.record(path, FileVersion { layer, found: None });
        }
    }

    /// The same for all of `gone`, the first of which lies in the directory `path`.
    fn forget_all(&mut self, mut gone: Vec<Gone>, mut path: Vec<u8>, layer: usize) {
        self.recent = None;
        while let Some(Gone { id, name, directory }) = gone.pop() {
            path.truncate(directory);
            if directory > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            let Some(node) = self.nodes.get_mut(id as usize) else { continue };
            let nothing = Node { kind: NodeKind::Special, layer: 0, found: None, written_as: None };
            let node = std::mem::replace(node, nothing);
            self.free.push(id);
            self.names = self.names.saturating_sub(node.names_bytes(&name) as u64);
            if let NodeKind::Directory(children) = node.kind {
                gone.extend(Gone::all(children, path.len()));
            } else if node.found.is_some() {
                self.record(&ImagePath::new(&path), FileVersion { layer, found: None });
            }
        }
    }

    /// Adds a version to a file's history; of two in one layer the later counts.
    fn record(&mut self, path: &ImagePath, version: FileVersion) {
        let known = self.history.len();
        let versions = self.history.entry(path.clone()).or_default();
        if versions.last().is_some_and(|last| last.layer == version.layer) {
            versions.pop();
        }
        if version.found.is_some() || versions.last().is_some_and(|last| last.found.is_some()) {
            versions.push(version);
        }
        if versions.is_empty() {
            self.history.remove(path);
        } else if self.history.len() > known {
            self.hold(path.as_bytes().len());
        }
    }
}

/// The directories among `entries`, each with the index of the first entry that makes it.
fn directories_of(entries: &Entries) -> BTreeMap<ImagePath, usize> {
    let mut first = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.kind == EntryKind::Directory {
            first.entry(entry.path).or_insert(index);
        }
    }
    first
}

/// What is there no longer.
struct Gone {
    id: u32,
    name: Box<[u8]>,
    /// Length of its directory's path.
    directory: usize,
}

impl Gone {
    fn all(children: BTreeMap<Box<[u8]>, u32>, directory: usize) -> impl Iterator<Item = Self> {
        children.into_iter().map(move |(name, id)| Self { id, name, directory })
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
