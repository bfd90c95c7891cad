//! One layer's bytes → its entries.
//!
//! A layer is a tar archive, compressed or not. `walk` streams it once, without a copy on disk, and
//! hands each entry to an [`EntrySink`]. Whiteouts are recognised here by name; what they hide is decided by
//! `bom::overlay`, which sees all layers.

use std::{
    io::{self, Read},
    sync::Arc,
};

use crate::image_path::ImagePath;

pub mod decompress;
mod entries;
pub mod folder;
pub mod needles;
pub mod partial;
pub mod retain;
pub(crate) mod spare;
pub mod walk;
pub mod whiteout;

pub(crate) use entries::names_bytes;
pub use {entries::Entries, walk::LayerError};

/// What an entry of a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target, which may be absolute (seen from the image's root) or relative.
    Symlink(Arc<[u8]>),
    /// Another name of a file of the same layer.
    HardLink(ImagePath),
    /// A device, FIFO or the like.
    Special,
    /// Hides the path in lower layers.
    Whiteout,
    /// Hides all that lower layers have in the directory.
    OpaqueDirectory,
}

/// One entry of a layer, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies; for a whiteout the path that it hides, for an opaque directory the directory.
    pub path: ImagePath,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Length in bytes: of the content, with the holes of a sparse file.
    pub size: u64,
}

/// Takes the entries of a layer in the order in which they lie there.
pub trait EntrySink {
    /// Whether the content of a regular file could be wanted, as far as can be told before any of it is read. Where
    /// content has to be fetched and this is false, [`entry`](Self::entry) gets an empty one.
    fn may_want(&self, _entry: &Entry) -> bool {
        true
    }

    /// Takes one entry. `content` gives a regular file's bytes; what is not read is skipped. An error of it that
    /// holds a [`LimitExceeded`](crate::limits::LimitExceeded) concerns this one file.
    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError>;

    /// Takes notice of a name that a global header of the archive has. containerd removes what the layer has there, or
    /// hides what a whiteout of that name hides, as if something were to follow; Docker passes over it.
    fn global(&mut self, _path: ImagePath) {}

    /// Takes notice of something that cannot be read: in a folder, or by way of a link of which nobody knows where it leads.
    fn unreadable(&mut self, path: ImagePath, error: &io::Error);
}
