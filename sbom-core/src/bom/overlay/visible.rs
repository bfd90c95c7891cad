//! What is there once all layers are laid over one another, one file after the other.

use super::{Content, HashedFile, Node, NodeKind, Overlay, ROOT};
use crate::{bom::FileKind, image_path::ImagePath};

/// Gives the regular files and symbolic links that are there in the end, in the order of their paths' bytes.
#[derive(Debug)]
pub struct VisibleFiles<'o> {
    overlay: &'o Overlay<'o>,
    /// What is still to visit, the next last.
    pending: Vec<Pending<'o>>,
    /// The path of what was visited last.
    path: Vec<u8>,
}

/// One file or directory to visit.
#[derive(Debug, Clone, Copy)]
struct Pending<'o> {
    name: &'o [u8],
    node: u32,
    /// Length of its directory's path.
    directory: usize,
}

/// A regular file or symbolic link that is there in the end.
#[derive(Debug)]
pub struct VisibleFile<'w> {
    /// Where it lies, with no link in its directory, as [`ImagePath`] has it.
    pub path: &'w [u8],
    /// The layer that put it there.
    pub layer: usize,
    overlay: &'w Overlay<'w>,
    what: What<'w>,
}

#[derive(Debug)]
enum What<'w> {
    Regular(Content),
    Symlink(&'w [u8]),
}

impl Overlay<'_> {
    /// The regular files and symbolic links that are there in the end.
    pub fn visible_files(&self) -> VisibleFiles<'_> {
        let root = Pending { name: b"", node: ROOT, directory: 0 };
        VisibleFiles { overlay: self, pending: vec![root], path: Vec::new() }
    }
}

impl<'o> VisibleFiles<'o> {
    /// The next one. Its path is lent, so that nothing is allocated for files that nobody asks for.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<VisibleFile<'_>> {
        let overlay = self.overlay;
        while let Some(Pending { name, node, directory }) = self.pending.pop() {
            self.path.truncate(directory);
            if directory > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
            let Some(node) = overlay.nodes.get(node as usize) else { continue };
            let what = match &node.kind {
                NodeKind::File(content) => What::Regular(*content),
                NodeKind::Symlink(target) => What::Symlink(target),
                NodeKind::Directory(_) => {
                    self.enter(node);
                    continue;
                }
                NodeKind::Special => continue,
            };
            return Some(VisibleFile { path: &self.path, layer: node.layer as usize, overlay, what });
        }
        None
    }

    fn enter(&mut self, node: &'o Node) {
        let NodeKind::Directory(children) = &node.kind else { return };
        let directory = self.path.len();
        let first = self.pending.len();
        self.pending.extend(children.iter().map(|(name, node)| Pending { name, node: *node, directory }));
        // What lies in `a` has paths that begin with `a/`, and `a-b` sorts before them.
        let key = |child: &Pending<'o>| {
            let node = self.overlay.nodes.get(child.node as usize);
            let is_directory = node.is_some_and(|node| matches!(node.kind, NodeKind::Directory(_)));
            child.name.iter().chain(is_directory.then_some(&b'/'))
        };
        let children = self.pending.get_mut(first..).unwrap_or_default();
        children.sort_unstable_by(|a, b| key(b).cmp(key(a)));
    }
}

impl VisibleFile<'_> {
    /// What it is.
    pub fn kind(&self) -> FileKind {
        match self.what {
            What::Symlink(target) => FileKind::Symlink { target: target.into() },
            What::Regular(Content { size, mode, .. }) => {
                FileKind::Regular { size, mode, digests: self.hashed().map(|hashed| hashed.digests) }
            }
        }
    }

    /// Where it lies, as a path to keep.
    pub fn to_path(&self) -> ImagePath {
        let known = self.hashed().map(|hashed| &hashed.path).filter(|path| path.as_bytes() == self.path);
        known.cloned().unwrap_or_else(|| ImagePath::new(self.path))
    }

    fn hashed(&self) -> Option<&HashedFile> {
        let What::Regular(Content { hashed: Some(index), .. }) = self.what else { return None };
        let after = self.overlay.hashed.partition_point(|(first, _)| *first <= index.get());
        let (first, files) = self.overlay.hashed.get(after.checked_sub(1)?)?;
        files.get((index.get() - first) as usize)
    }
}
