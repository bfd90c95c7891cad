//! A synchronous client of OCI registries: manifests, blobs and referrers, to read and to write.
//!
//! Source: OCI distribution specification 1.1, Docker Registry HTTP API V2 (token authentication), RFC 9110.
//! Nothing is taken from the environment: credentials, certificates and times are arguments.

mod auth;
pub mod blob;
pub mod blob_ranges;
mod challenge;
pub mod client;
pub mod config;
pub mod credentials;
pub mod deadline;
pub mod error;
mod helper;
mod link;
pub mod manifests;
mod pace;
mod proofs;
pub mod referrers;
mod retry;
#[cfg(test)]
mod tests;
pub mod upload;
mod url;
mod wire;

pub use self::{
    blob::BlobReader,
    blob_ranges::BlobRanges,
    client::Client,
    config::{ClientConfig, Security},
    credentials::{Anonymous, AuthFiles, CredentialStore, Credentials, Login},
    deadline::Deadline,
    error::{Fault, RegistryError},
    manifests::{ETag, ManifestHead, Pushed, RawManifest},
    referrers::{Listed, Referrers},
    retry::{Sleep, ThreadSleep},
    upload::Put,
};
