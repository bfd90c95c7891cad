//! Where the bytes of a subject come from.
//!
//! A [`Source`] hands out bytes and says what they must hash to; the checks themselves are made by `scan`, in
//! one place for all sources. Manifests and configurations are checked here, before anything in them is believed.

use std::{fmt::Debug, io::Read, path::PathBuf};

use crate::oci::{LayerDescriptor, Subject};

/// A subject whose layers can be opened in any order, and more than once.
pub trait Source: Debug + Send + Sync {
    /// What is scanned.
    fn subject(&self) -> &Subject;

    /// Opens one of `subject().layers`.
    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError>;
}

/// The content of a layer.
pub enum LayerBytes {
    /// A tar archive, compressed or not, as stored.
    Archive(Box<dyn Read + Send>),
    /// A folder of this machine, whose content is the layer.
    Folder(PathBuf),
    /// A file of this machine, which is the layer's only entry, under its own name.
    File(PathBuf),
}

/// The bytes of a subject cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {}
