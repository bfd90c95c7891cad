//! Images, archives and registries made for tests.
