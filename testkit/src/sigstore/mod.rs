//! A Sigstore for tests: certificates for identities, transparency logs of both versions, time stamps.
//!
//! [`Sigstore::new`] signs in memory, with every flaw that a verifier must find; [`Loopback::start`] lets the same
//! services be asked over HTTP on this machine. Nothing of it is known elsewhere: trust it by its
//! [`trusted_root`](Sigstore::trusted_root).
//!
//! ```
//! use sbomctl_testkit::sigstore::{Content, Flaw, Sigstore, Signing, Subject};
//!
//! let sigstore = Sigstore::new();
//! let by = Signing::by(Subject::Email("a@b.test".into()), "https://issuer.test");
//! let bundle = sigstore.sign(Content::Statement(b"{}"), &by).bundle();
//! let forged = sigstore.sign(Content::Statement(b"{}"), &by.clone().with(Flaw::OtherEntry)).bundle();
//! assert_ne!(bundle, forged);
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

mod certificate;
mod der;
mod entry;
mod keys;
mod log;
mod server;
mod signing;
mod timestamp;
mod tuf;

use self::{
    certificate::{Authority, CODE_SIGNING},
    keys::{Curve, Key},
    log::Log,
};
pub use self::{
    certificate::{Leaf, Subject},
    server::{JOB_SECRET, Loopback, token},
    signing::{Content, Flaw, RekorApi, Signed, Signing},
};

const IN_TOTO: &str = "application/vnd.in-toto+json";
/// From when all authorities and keys are valid: 2020-01-01.
const BEGIN: u64 = 1_577_836_800;
/// 2026-01-15T12:00:00Z.
const CLOCK: u64 = 1_768_478_400;

/// The services, and their keys.
#[derive(Debug)]
pub struct Sigstore {
    root: Authority,
    intermediate: Authority,
    certificate_log: Key,
    rekor_v1: Log,
    rekor_v2: Log,
    stamping_root: Authority,
    stamping: Authority,
    clock: AtomicU64,
}

impl Default for Sigstore {
    fn default() -> Self {
        Self::new()
    }
}

impl Sigstore {
    /// New services with new keys. Their clock stands at 2026-01-15T12:00:00Z.
    pub fn new() -> Self {
        let root = certificate::root("root", BEGIN);
        let intermediate = root.intermediate("intermediate", CODE_SIGNING, BEGIN);
        let stamping_root = certificate::root("time stamping root", BEGIN);
        let stamping = stamping_root.time_stamping("time stamping", BEGIN);
        Self {
            root,
            intermediate,
            certificate_log: Key::generate(Curve::P256),
            rekor_v1: Log::new("rekor.sigstore.test - 4242", "rekor.sigstore.test"),
            rekor_v2: Log::new("tiles.sigstore.test", "tiles.sigstore.test"),
            stamping_root,
            stamping,
            clock: AtomicU64::new(CLOCK),
        }
    }

    /// What the services take for the present, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set_clock(&self, unix: u64) {
        self.clock.store(unix, Ordering::Relaxed);
    }

    /// A time stamp over a signature that somebody else has made, as an answer of the authority.
    pub fn stamp_over(&self, signature: &[u8]) -> Vec<u8> {
        timestamp::stamp(&self.stamping, &timestamp::Query::of(signature), self.now())
    }

    /// `trusted_root.json`, which trusts all of these services from 2020 on.
    pub fn trusted_root(&self) -> String {
        self.trusted_root_as(|_| {})
    }

    /// The same after `change`: without an authority, or with other times.
    pub fn trusted_root_as(&self, change: impl FnOnce(&mut Value)) -> String {
        let valid = json!({"start": der::rfc3339(BEGIN)});
        let log = |key: &Key, url: &str| {
            json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(key.spki()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid,
                },
                "logId": {"keyId": STANDARD.encode(sha256(&key.spki()))},
            })
        };
        let authority = |name: &str, chain: &[&Authority]| {
            let chain: Vec<Value> = chain
                .iter()
                .map(|authority| json!({"rawBytes": STANDARD.encode(&authority.certificate)}))
                .collect();
            json!({
                "subject": {"organization": "sigstore.test", "commonName": name},
                "uri": format!("https://{name}.sigstore.test"),
                "certChain": {"certificates": chain},
                "validFor": valid,
            })
        };
        let mut root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log(&self.rekor_v1.key, "https://rekor.sigstore.test"),
                log(&self.rekor_v2.key, "https://tiles.sigstore.test"),
            ],
            "certificateAuthorities": [authority("fulcio", &[&self.intermediate, &self.root])],
            "ctlogs": [log(&self.certificate_log, "https://ct.sigstore.test")],
            "timestampAuthorities": [authority("tsa", &[&self.stamping, &self.stamping_root])],
        });
        change(&mut root);
        root.to_string()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
