//! Images, archives and registries made for tests.

mod shared;

pub use shared::shared;
