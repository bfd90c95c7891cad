//! A synchronous client of OCI registries: manifests and blobs, to read.
//!
//! Source: OCI distribution specification 1.1, Docker Registry HTTP API V2 (token authentication), RFC 9110.
//! Nothing is taken from the environment: credentials, certificates and times are arguments.

use std::{sync::Arc, time::Duration};

use crate::limits::Limits;

mod auth;
pub mod blob;
mod challenge;
pub mod client;
pub mod credentials;
pub mod error;
mod retry;
#[cfg(test)]
mod tests;
mod url;

pub use self::{
    client::{Client, RawManifest},
    credentials::{Anonymous, AuthFiles, CredentialStore, Credentials},
    error::{Fault, RegistryError},
    retry::{Sleep, ThreadSleep},
};

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Take plain HTTP and unverified certificates from any host. From this machine plain HTTP is always taken.
    pub insecure: bool,
    /// PEM files of certificate authorities to trust; with none, those that Mozilla trusts, which are built in.
    pub ca_certificates: Vec<Vec<u8>>,
    /// How long a registry may be silent.
    pub timeout: Duration,
    /// What proves to registries who asks.
    pub credentials: Arc<dyn CredentialStore>,
    /// What the client calls itself.
    pub user_agent: String,
    /// The bounds to keep to.
    pub limits: Limits,
    /// How to wait between attempts.
    pub sleep: Arc<dyn Sleep>,
    /// A proxy for all hosts but this machine, as `http://[USER:PASSWORD@]HOST[:PORT]`.
    pub proxy: Option<String>,
    /// Hosts that are asked without the proxy; `.example.org` stands for all below it.
    pub no_proxy: Vec<String>,
}

impl Default for ClientConfig {
    /// Verified, anonymous, patient for a minute.
    fn default() -> Self {
        Self {
            insecure: false,
            ca_certificates: Vec::new(),
            timeout: Duration::from_secs(60),
            credentials: Arc::new(Anonymous),
            user_agent: concat!("sbom-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
            sleep: Arc::new(ThreadSleep),
            proxy: None,
            no_proxy: Vec::new(),
        }
    }
}
