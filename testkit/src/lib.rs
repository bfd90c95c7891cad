//! Images, archives and registries made for tests.

mod archive;
mod image;
mod layout;
mod registry;
mod shared;
pub mod sigstore;

pub use tar::EntryType;

pub use archive::{Compression, Layer, LayerBuilder, TarBuilder, compress};
pub use image::{Blob, Image, ImageBuilder, digest};
pub use layout::{DockerArchive, Layout, Root, blob_path, docker_list, index};
pub use registry::{Access, Fault, FaultKind, Registry};
pub use shared::shared;
