//! Attestations: signed statements about artifacts, made and verified.
//!
//! A [`statement`] says something about subjects that it names by digest. It travels in a DSSE [`envelope`], and that
//! in a Sigstore [`bundle`]. Where attestations lie is `attach`'s matter, what must hold of them is `policy`'s.
//!
//! Sources: in-toto attestation framework 1.0, DSSE 1.0, `sigstore_bundle.proto`, cosign's attestation format.

use std::collections::BTreeMap;

mod base64;
pub mod bundle;
pub mod envelope;
pub mod identity;
mod json;
pub mod key;
#[cfg(feature = "keyless")]
pub mod keyless;
pub mod predicate;
pub mod signer;
pub mod statement;
pub mod trust;
pub mod verify;

pub use self::{base64::NotBase64, json::JsonError};

/// A signed statement as it was found, with nothing about it verified or even read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// A Sigstore bundle.
    Bundle(Vec<u8>),
    /// A DSSE envelope, with what was written beside it: the annotations of a layer of cosign's `.att` manifest,
    /// which carry certificate, chain, log entry and time stamp. Empty for a plain envelope.
    Envelope {
        /// The envelope's JSON.
        bytes: Vec<u8>,
        /// What was written beside it.
        annotations: BTreeMap<String, String>,
    },
}

impl Signed {
    /// Its bytes as they are attached.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bundle(bytes) | Self::Envelope { bytes, .. } => bytes,
        }
    }

    /// What a file holds: a bundle, or a plain envelope, which has its payload at the top.
    pub fn of_file(bytes: Vec<u8>) -> Self {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Top {
            payload_type: Option<serde::de::IgnoredAny>,
        }
        let is_envelope = serde_json::from_slice::<Top>(&bytes).is_ok_and(|top| top.payload_type.is_some());
        if is_envelope { Self::Envelope { bytes, annotations: BTreeMap::new() } } else { Self::Bundle(bytes) }
    }
}
