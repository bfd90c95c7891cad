//! Where a path leads: links are followed as an engine's root would have them.

use super::{FileAddress, Node, NodeKind, Overlay, ROOT};
use crate::image_path::ImagePath;

impl Overlay<'_> {
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

    /// Whether a link to `target` may be followed, the last after `hops` others.
    pub(super) fn may_follow(&self, target: &[u8], hops: u64) -> bool {
        self.followed.set(self.followed.get().saturating_add(target.len() as u64));
        let followed = self.limits.link_bytes.check(self.followed.get());
        self.limits.link_hops.check(hops).and(followed).is_ok()
    }

    pub(super) fn file(&self, path: &ImagePath) -> Option<(ImagePath, &Node)> {
        let (path, id) = self.locate(path, true)?;
        let node = self.nodes.get(id as usize)?;
        matches!(node.kind, NodeKind::File(_)).then_some((path, node))
    }

    pub(super) fn walk(&self, path: &ImagePath, follow: bool) -> Option<u32> {
        self.locate(path, follow).map(|(_, id)| id)
    }

    /// Finds `path`, following links in its directories and, if `follow`, of its last component.
    pub(super) fn locate(&self, path: &ImagePath, follow: bool) -> Option<(ImagePath, u32)> {
        self.locate_from(vec![ROOT], Vec::new(), path, follow)
    }

    /// The first link on the way to `path`, and, unless `itself`, what lies there if it is one.
    pub(super) fn link_on(&self, path: &ImagePath, itself: bool) -> Option<ImagePath> {
        let mut at = ROOT;
        let mut length = 0;
        for name in path.components() {
            length += name.len() + usize::from(length > 0);
            at = self.child(at, name)?;
            let is_link = matches!(self.nodes.get(at as usize)?.kind, NodeKind::Symlink(_));
            if is_link && !(itself && length == path.as_bytes().len()) {
                return path.as_bytes().get(..length).map(ImagePath::new);
            }
        }
        None
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

    pub(super) fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        match &self.nodes.get(parent as usize)?.kind {
            NodeKind::Directory(children) => children.get(name).copied(),
            _ => None,
        }
    }
}

/// The components of a path or link target, last first, `..` kept, as a stack of what is still to walk.
pub(super) fn reversed(path: &[u8]) -> Vec<Box<[u8]>> {
    path.rsplit(|&b| b == b'/').filter(|part| !matches!(*part, b"" | b".")).map(Into::into).collect()
}
