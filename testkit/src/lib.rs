//! Images, archives and registries made for tests.

mod archive;
mod chunked;
mod image;
mod layout;
mod registry;
mod registry_answers;
mod registry_http;
mod registry_tls;
mod shared;
pub mod sigstore;

pub use tar::EntryType;

pub use archive::{Compression, Layer, LayerBuilder, TarBuilder, compress};
pub use chunked::{TocEdit, estargz_footer};
pub use image::{Blob, Image, ImageBuilder, digest};
pub use layout::{DockerArchive, Layout, Root, blob_path, docker_list, index};
pub use registry::{Access, Fault, FaultKind, Logged, ReferrersApi, Registry};
pub use shared::shared;
