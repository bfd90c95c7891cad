//! Images of a few files, run through the detectors and laid over one another, for tests of this stage.

use super::overlay::{LayerContent, Overlay};
use crate::{
    detect::{Captured, FileMeta, Findings, Gap, Want, builtin::detectors},
    image_path::ImagePath,
    layer::{Entry, EntryKind, retain::Content},
    limits::Limits,
};

/// An image in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestImage {
    layers: Vec<Vec<(String, EntryKind, Vec<u8>)>>,
    /// Entries of the layer to come that are no files.
    pending: Vec<(String, EntryKind, Vec<u8>)>,
}

impl TestImage {
    /// Adds a layer of the links and whiteouts named since the last one, and of `files`.
    pub(crate) fn layer<C: AsRef<[u8]>>(mut self, files: &[(&str, C)]) -> Self {
        let mut entries = std::mem::take(&mut self.pending);
        for (path, bytes) in files {
            entries.push(((*path).to_owned(), EntryKind::File, bytes.as_ref().to_vec()));
        }
        self.layers.push(entries);
        self
    }

    /// Adds a layer of the links and whiteouts named since the last one.
    pub(crate) fn layer_without_files(self) -> Self {
        self.layer::<&str>(&[])
    }

    /// Adds a symbolic link to the layer that comes next.
    pub(crate) fn symlink(mut self, path: &str, target: &str) -> Self {
        self.pending.push((path.to_owned(), EntryKind::Symlink(target.as_bytes().into()), Vec::new()));
        self
    }

    /// Adds the removal of `path` to the layer that comes next.
    pub(crate) fn whiteout(mut self, path: &str) -> Self {
        self.pending.push((path.to_owned(), EntryKind::Whiteout, Vec::new()));
        self
    }

    /// The layers, read by all detectors and laid over one another.
    pub(crate) fn overlay<'l>(&self, limits: &'l Limits) -> Overlay<'l> {
        let mut overlay = Overlay::new(limits);
        for (index, entries) in self.layers.iter().enumerate() {
            let mut layer = LayerContent::default();
            for (path, kind, bytes) in entries {
                let path = ImagePath::from(path.as_str());
                let mut out = Findings::default();
                if *kind == EntryKind::File {
                    detect(&path, bytes, limits, &mut out);
                }
                if !out.found.is_empty() {
                    layer.findings.push((layer.entries.len(), out.found));
                }
                layer.gaps.extend(out.gaps.into_iter().map(|gap| Gap {
                    layer: Some(index),
                    path: Some(path.clone()),
                    ..gap
                }));
                layer.entries.push(&Entry {
                    path,
                    kind: kind.clone(),
                    mode: 0o644,
                    size: bytes.len() as u64,
                });
            }
            overlay.fold(layer).unwrap();
        }
        overlay
    }
}

fn detect(path: &ImagePath, bytes: &[u8], limits: &Limits, out: &mut Findings) {
    let size = bytes.len() as u64;
    let content = Content::new(bytes.to_vec());
    for detector in detectors() {
        let head = &bytes[..bytes.len().min(64)];
        if detector.wants(&FileMeta { path, size, mode: 0o644, head }) == Want::Nothing {
            continue;
        }
        if let Err(gap) =
            detector.detect(&Captured { path, size, mode: 0o644, content: &content, limits }, out)
        {
            out.gaps.push(gap);
        }
    }
}
