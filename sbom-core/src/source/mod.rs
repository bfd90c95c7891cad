//! Where the bytes of a subject come from.
//!
//! A [`Source`] hands out bytes and says what they must hash to; the checks themselves are made by `scan`, in
//! one place for all sources. Manifests and configurations are checked here, before anything in them is believed.

use std::{
    fmt::{self, Debug},
    io::Read,
    path::PathBuf,
};

use crate::{
    digest::Digest,
    layer::partial::{Form, RandomAccess},
    oci::{Descriptor, LayerDescriptor, Subject},
};

mod both_lists;
#[cfg(all(unix, feature = "registry"))]
pub mod daemon;
pub mod directory;
pub mod docker_archive;
pub mod error;
pub mod file;
mod files;
pub mod image;
pub mod locator;
mod members;
pub mod oci_archive;
pub mod oci_layout;
#[cfg(feature = "registry")]
pub mod registry;
pub mod stream;
mod tar_index;
mod tar_members;
mod unpack;

pub use error::SourceError;
pub use image::{ImageSource, Naming, Selection};
pub use locator::{Local, Locator, Opened};
pub use members::{Member, members};
pub use oci_layout::Choice;
pub use stream::StreamArchive;

/// A subject whose layers can be opened in any order, and more than once.
pub trait Source: Debug + Send + Sync {
    /// What is scanned.
    fn subject(&self) -> &Subject;

    /// Opens one of `subject().layers`.
    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError>;

    /// One of `subject().layers` as something that can be read in part, and how; none if it cannot, or if that would
    /// bring nothing.
    fn open_parts(&self, _layer: &LayerDescriptor) -> Option<(Box<dyn RandomAccess>, Form)> {
        None
    }
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

impl Debug for LayerBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(_) => f.write_str("Archive"),
            Self::Folder(path) => f.debug_tuple("Folder").field(path).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Where the manifests and blobs of images lie: a layout, an archive, a registry.
///
/// A store hands out bytes and believes nothing; whoever asks checks digest and size.
pub trait ContentStore: Debug + Send + Sync {
    /// The bytes of a manifest or index, at most [`crate::limits::Limits::manifest_bytes`] of them.
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError>;

    /// The bytes of a configuration or layer. `size` is what is announced; the store may hand out more or fewer,
    /// but a transfer that breaks off is an error of the reader, never an early end.
    fn blob(&self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send>, SourceError>;

    /// The bytes of a layer for reading parts of it; none where the whole costs no more.
    fn parts(&self, _digest: &Digest, _size: u64) -> Option<Box<dyn RandomAccess>> {
        None
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
