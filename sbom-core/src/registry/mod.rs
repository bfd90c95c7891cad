//! A synchronous client of OCI registries.
