//! Layers in memory, for tests that scan.

use std::{
    io::Cursor,
    sync::atomic::{AtomicUsize, Ordering},
};

use sbomctl_testkit::TarBuilder;

use super::{LayerBytes, Source, SourceError};
use crate::{
    digest::Digest,
    oci::{LayerDescriptor, Subject, SubjectKind},
};

/// A subject whose layers are archives, known by their digests, and how often one was opened.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) subject: Subject,
    pub(crate) layers: Vec<Vec<u8>>,
    opened: AtomicUsize,
}

impl Memory {
    pub(crate) fn new(layers: Vec<Vec<u8>>) -> Self {
        let descriptor = |(index, bytes): (usize, &Vec<u8>)| LayerDescriptor {
            index,
            digest: Some(Digest::of(bytes)),
            size: Some(bytes.len() as u64),
            ..LayerDescriptor::default()
        };
        let descriptors = layers.iter().enumerate().map(descriptor).collect();
        let subject =
            Subject { kind: SubjectKind::Folder, name: "memory".into(), tag: None, layers: descriptors };
        Self { subject, layers, opened: AtomicUsize::new(0) }
    }

    /// How often a layer was opened since this was last asked.
    pub(crate) fn opened(&self) -> usize {
        self.opened.swap(0, Ordering::Relaxed)
    }
}

impl Source for Memory {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(LayerBytes::Archive(Box::new(Cursor::new(self.layers[layer.index].clone()))))
    }
}

/// An archive of these files.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    files.iter().fold(TarBuilder::new(), |archive, (path, content)| archive.file(path, content)).build()
}
