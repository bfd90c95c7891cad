//! Roots of trust and signing configurations from a TUF repository, kept in a folder.
//!
//! The Update Framework lets keys change without a new program: whoever trusts one `root.json` can follow its
//! successors. The workflow is `sigstore-tuf`'s; here are where its bytes come from, and how many.
//!
//! Sources: The Update Framework specification 1.0, sigstore/root-signing.

use std::{fmt::Write as _, io, path::PathBuf};

use sha2::{Digest as _, Sha256};
use sigstore_sign::reqwest::{Client, StatusCode, Url};
use sigstore_tuf::{FileStore, Repository, StoreRepository, Updater, transport::FetchFuture};

use super::{
    connection::Connection,
    error::{KeylessError, Service},
};
use crate::timestamp::Timestamp;

/// A TUF repository, and the root that it is trusted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its address.
    pub url: String,
    /// A `root.json` that is trusted, of any version that leads to the present one.
    pub root: Vec<u8>,
    /// The folder in which all repositories have theirs.
    pub cache: PathBuf,
}

/// Whether what the folder has will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Ask the repository.
    Newest,
    /// Ask the repository if the folder has nothing that is still valid.
    Valid,
    /// Ask nobody: what the folder has must be valid.
    Offline,
}

/// What a repository hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// `signing_config.v0.2.json`, where there is one.
    pub signing_config: Option<Vec<u8>>,
}

/// A TUF repository gave no roots of trust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// The root that was to be trusted is none.
    #[error("the TUF root cannot be trusted: {reason}")]
    Root {
        /// What is wrong with it.
        reason: String,
    },
    /// What the repository has does not verify, or cannot be had.
    #[error("the TUF repository {url} gives nothing to trust: {reason}")]
    Refresh {
        /// The repository.
        url: String,
        /// The step that failed.
        reason: String,
    },
    /// Without the network there is nothing valid.
    #[error("nothing valid is kept of the TUF repository {url}, and it may not be asked: {reason}")]
    NothingKept {
        /// The repository.
        url: String,
        /// What is wrong with what is kept.
        reason: String,
    },
    /// The folder cannot be made.
    #[error("{}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The repository of the public-good instance.
const PUBLIC_GOOD: &str = "https://tuf-repo-cdn.sigstore.dev";
/// Its root, of version 16, as sigstore/root-signing has published it.
const PUBLIC_GOOD_ROOT: &[u8] = include_bytes!("public_good_root.json");

const TRUSTED_ROOT: &str = "trusted_root.json";
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

impl Mirror {
    /// The public-good instance's repository, kept in a folder of `cache`.
    pub fn public_good(cache: PathBuf) -> Self {
        Self { url: PUBLIC_GOOD.to_owned(), root: PUBLIC_GOOD_ROOT.to_vec(), cache }
    }

    /// The root of trust and the signing configuration, verified as of `now`, be they fetched or kept.
    ///
    /// # Errors
    ///
    /// If they cannot be had, or do not verify: bytes that were kept are trusted no more than bytes that were sent.
    pub fn material(
        &self,
        freshness: Freshness,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Material, KeylessError> {
        if freshness == Freshness::Newest {
            return self.fetch(connection, now);
        }
        let store = FileStore::new(self.folder());
        let kept = connection.run(self.load(StoreRepository::new(store), now))?;
        match (kept, freshness) {
            (Ok(material), _) => Ok(material),
            (Err(TufError::Refresh { url, reason }), Freshness::Offline) => {
                Err(TufError::NothingKept { url, reason }.into())
            }
            (Err(error), Freshness::Offline) => Err(error.into()),
            (Err(_), _) => self.fetch(connection, now),
        }
    }

    /// The folder that this repository has: another one for another address or root.
    pub fn folder(&self) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.url.trim_end_matches('/'));
        hash.update([0]);
        hash.update(&self.root);
        let mut name = String::new();
        for byte in hash.finalize().iter().take(16) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        self.cache.join(name)
    }

    fn fetch(&self, connection: &Connection, now: Timestamp) -> Result<Material, KeylessError> {
        connection.check(Service::TufRepository, &self.url)?;
        let client = connection.client(&self.url)?;
        let base = format!("{}/", self.url.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|error| self.refused(&error))?;
        let folder = self.folder();
        std::fs::create_dir_all(&folder).map_err(|source| TufError::Folder { folder, source })?;
        Ok(connection.run(self.load(Remote { client, base }, now))??)
    }

    async fn load(&self, from: impl Repository + 'static, now: Timestamp) -> Result<Material, TufError> {
        let seconds = i64::try_from(now.unix()).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        let mut updater = Updater::new(from, &self.root)
            .map_err(|error| TufError::Root { reason: chain(&error) })?
            .with_store(FileStore::new(self.folder()));
        updater.refresh(now).await.map_err(|error| self.refused(&error))?;
        let trusted_root =
            updater.get_target(TRUSTED_ROOT, now).await.map_err(|error| self.refused(&error))?;
        let signing_config = match updater.get_target(SIGNING_CONFIG, now).await {
            Ok(bytes) => Some(bytes),
            Err(sigstore_tuf::Error::TargetNotFound(_)) => None,
            Err(error) => return Err(self.refused(&error)),
        };
        Ok(Material { trusted_root, signing_config })
    }

    fn refused(&self, error: &dyn std::error::Error) -> TufError {
        TufError::Refresh { url: self.url.clone(), reason: chain(error) }
    }
}

/// A repository over HTTP, of which no more is read than it may send.
struct Remote {
    client: Client,
    base: Url,
}

impl Remote {
    async fn get(&self, path: String, limit: u64) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let failed = |error: sigstore_sign::reqwest::Error| {
            sigstore_tuf::Error::transport_with_source("the repository does not answer", error)
        };
        let url = self
            .base
            .join(&path)
            .map_err(|error| sigstore_tuf::Error::transport_with_source("no address", error))?;
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        let status = response.status();
        // Object stores answer 403 for what is not there.
        if status == StatusCode::NOT_FOUND || status == StatusCode::FORBIDDEN {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(sigstore_tuf::Error::transport(format!("status {status} for {path}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let size = body.len().saturating_add(chunk.len());
            if u64::try_from(size).unwrap_or(u64::MAX) > limit {
                return Err(sigstore_tuf::Error::transport(format!("{path} has more than {limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }
}

impl Repository for Remote {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get(name.to_owned(), max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get(format!("targets/{path}"), max_length))
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let _ = write!(text, ": {next}");
        cause = next.source();
    }
    text
}
