//! Sigstore bundles 0.1 to 0.3: read with all that they carry, written for keys.
//!
//! Source: `sigstore_bundle.proto`, `sigstore_rekor.proto` and `sigstore_common.proto` of sigstore/protobuf-specs, in the
//! JSON mapping of protocol buffers: names in camel case or as in the definition, numbers of 64 bits as strings or numbers,
//! what is zero left out.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{
    NotBase64, base64,
    envelope::{Envelope, EnvelopeError, Wire as WireEnvelope},
    key::PublicKey,
};

/// The media type of bundles as they are written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Log entries of one bundle, time stamps of one bundle, and certificates of one chain.
pub const MAX_EVIDENCE: usize = 32;

/// A bundle: what was signed, by what, and what others say about when and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The version of the format.
    pub version: Version,
    /// What the signature is to be verified with.
    pub material: Material,
    /// Entries of transparency logs.
    pub log_entries: Vec<LogEntry>,
    /// RFC 3161 time stamps over the signature, in DER.
    pub timestamps: Vec<Vec<u8>>,
    /// What was signed, and the signature.
    pub content: Content,
}

/// Versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Needs a promise of the log, no proof.
    V0_1,
    /// Needs a proof of the log.
    V0_2,
    /// One certificate instead of a chain.
    V0_3,
}

/// What a signature is to be verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A key that the verifier must have; the hint proves nothing.
    Key {
        /// By which it may be found.
        hint: String,
    },
    /// The certificates, in DER: that of the signer, then those that lead from it towards a root.
    Certificates(Vec<Vec<u8>>),
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An envelope, with one signature.
    Envelope(Envelope),
    /// A signature over something that is not here.
    Message {
        /// Name of the algorithm and digest of what was signed, if it says so.
        digest: Option<(String, Vec<u8>)>,
        /// The signature.
        signature: Vec<u8>,
    },
}

/// An entry of a transparency log, as it is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the log; of sharded logs over all shards.
    pub index: u64,
    /// The SHA-256 digest of the log's key, or what the log calls itself by.
    pub log_id: Vec<u8>,
    /// What kind of entry, as in `dsse`.
    pub kind: String,
    /// In which version of its format.
    pub kind_version: String,
    /// When the log took it up, in seconds since 1970; zero if the log does not say.
    pub integrated: u64,
    /// The log's signature over body, time and place.
    pub promise: Option<Vec<u8>>,
    /// That the entry is in the log.
    pub proof: Option<InclusionProof>,
    /// The entry.
    pub body: Vec<u8>,
}

/// That an entry is in a log of a certain state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Its place in this shard.
    pub index: u64,
    /// The root of the log's tree.
    pub root: Vec<u8>,
    /// The number of entries in the log.
    pub tree_size: u64,
    /// The neighbours on the way to the root.
    pub hashes: Vec<Vec<u8>>,
    /// The log's signed note about root and size.
    pub checkpoint: String,
}

/// Bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is not JSON of the right shape.
    #[error("not a Sigstore bundle: {0}")]
    Shape(String),
    /// It is of a version that is not known.
    #[error("{0:?} is not the media type of a Sigstore bundle 0.1 to 0.3")]
    MediaType(String),
    /// A member is not base64.
    #[error("{field} of the bundle is {source}")]
    Base64 {
        /// The member.
        field: &'static str,
        /// Why.
        source: NotBase64,
    },
    /// It says two things where there must be one, or none.
    #[error("the bundle must hold one of {0}")]
    OneOf(&'static str),
    /// There are more than any honest bundle has.
    #[error("the bundle has {count} {what}, and at most {MAX_EVIDENCE} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// A bundle vouches for one signature.
    #[error("the envelope in the bundle has {0} signatures instead of one")]
    Signatures(usize),
    /// The envelope cannot be read.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// The bundle of an envelope that a key signed: version 0.3, one line of JSON, the digest of the key as its hint.
pub fn of_key(envelope: &Envelope, key: &PublicKey) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Written<'a> {
        media_type: &'static str,
        verification_material: Material<'a>,
        dsse_envelope: WireEnvelope<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Material<'a> {
        public_key: Hint<'a>,
    }
    #[derive(Serialize)]
    struct Hint<'a> {
        hint: &'a str,
    }
    let hint = hint_of(key);
    let bundle = Written {
        media_type: MEDIA_TYPE,
        verification_material: Material { public_key: Hint { hint: &hint } },
        dsse_envelope: WireEnvelope::of(envelope),
    };
    // Strings alone: nothing here can fail to be written.
    serde_json::to_vec(&bundle).unwrap_or_default()
}

/// By what bundles call a key: the SHA-256 digest of its `SubjectPublicKeyInfo`, in base64.
pub fn hint_of(key: &PublicKey) -> String {
    use sha2::Digest as _;
    base64::encode(&sha2::Sha256::digest(key.spki()))
}

impl Bundle {
    /// Reads a bundle. Members that the format does not know are ignored, a known one that is there twice is refused.
    pub fn read(json: &[u8]) -> Result<Self, BundleError> {
        let wire: WireBundle =
            serde_json::from_slice(json).map_err(|error| BundleError::Shape(error.to_string()))?;
        wire.decode()
    }

    /// The one signature.
    pub fn signature(&self) -> &[u8] {
        match &self.content {
            Content::Envelope(envelope) => {
                envelope.signatures.first().map_or(&[], |signature| signature.sig.as_slice())
            }
            Content::Message { signature, .. } => signature,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBundle<'a> {
    #[serde(borrow, alias = "media_type")]
    media_type: Cow<'a, str>,
    #[serde(borrow, alias = "verification_material")]
    verification_material: WireMaterial<'a>,
    #[serde(borrow, alias = "dsse_envelope")]
    dsse_envelope: Option<WireEnvelope<'a>>,
    #[serde(borrow, alias = "message_signature")]
    message_signature: Option<WireMessage<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMaterial<'a> {
    #[serde(borrow, alias = "public_key")]
    public_key: Option<WireKey<'a>>,
    #[serde(borrow)]
    certificate: Option<WireCertificate<'a>>,
    #[serde(borrow, alias = "x509_certificate_chain")]
    x509_certificate_chain: Option<WireChain<'a>>,
    #[serde(borrow, alias = "tlog_entries")]
    tlog_entries: Option<Vec<WireEntry<'a>>>,
    #[serde(borrow, alias = "timestamp_verification_data")]
    timestamp_verification_data: Option<WireTimestamps<'a>>,
}

#[derive(Deserialize)]
struct WireKey<'a> {
    #[serde(borrow)]
    hint: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCertificate<'a> {
    #[serde(borrow, alias = "raw_bytes")]
    raw_bytes: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireChain<'a> {
    #[serde(borrow)]
    certificates: Vec<WireCertificate<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTimestamps<'a> {
    #[serde(borrow, alias = "rfc3161_timestamps")]
    rfc3161_timestamps: Option<Vec<WireTimestamp<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTimestamp<'a> {
    #[serde(borrow, alias = "signed_timestamp")]
    signed_timestamp: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMessage<'a> {
    #[serde(borrow, alias = "message_digest")]
    message_digest: Option<WireDigest<'a>>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireDigest<'a> {
    #[serde(borrow)]
    algorithm: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry<'a> {
    #[serde(default, alias = "log_index", deserialize_with = "number")]
    log_index: u64,
    #[serde(borrow, alias = "log_id")]
    log_id: Option<WireLogId<'a>>,
    #[serde(borrow, alias = "kind_version")]
    kind_version: Option<WireKind<'a>>,
    #[serde(default, alias = "integrated_time", deserialize_with = "number")]
    integrated_time: u64,
    #[serde(borrow, alias = "inclusion_promise")]
    inclusion_promise: Option<WirePromise<'a>>,
    #[serde(borrow, alias = "inclusion_proof")]
    inclusion_proof: Option<WireProof<'a>>,
    #[serde(borrow, default, alias = "canonicalized_body")]
    canonicalized_body: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLogId<'a> {
    #[serde(borrow, alias = "key_id")]
    key_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireKind<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePromise<'a> {
    #[serde(borrow, alias = "signed_entry_timestamp")]
    signed_entry_timestamp: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProof<'a> {
    #[serde(default, alias = "log_index", deserialize_with = "number")]
    log_index: u64,
    #[serde(borrow, alias = "root_hash")]
    root_hash: Cow<'a, str>,
    #[serde(default, alias = "tree_size", deserialize_with = "number")]
    tree_size: u64,
    #[serde(borrow, default)]
    hashes: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    checkpoint: Option<WireCheckpoint<'a>>,
}

#[derive(Deserialize)]
struct WireCheckpoint<'a> {
    #[serde(borrow, default)]
    envelope: Cow<'a, str>,
}

/// A whole number that is not negative, as a number or, as writers prefer, a string.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number<'a> {
        Plain(u64),
        Text(#[serde(borrow)] Cow<'a, str>),
    }
    match Number::deserialize(deserializer)? {
        Number::Plain(number) => Ok(number),
        Number::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(de::Error::custom)
        }
        Number::Text(_) => Err(de::Error::custom("not a whole number of 64 bits")),
    }
}

fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>, BundleError> {
    base64::decode(text).map_err(|source| BundleError::Base64 { field, source })
}

fn at_most<T>(what: &'static str, items: &[T]) -> Result<(), BundleError> {
    if items.len() > MAX_EVIDENCE { Err(BundleError::TooMany { what, count: items.len() }) } else { Ok(()) }
}

impl WireBundle<'_> {
    fn decode(self) -> Result<Bundle, BundleError> {
        let version = version(&self.media_type)
            .ok_or_else(|| BundleError::MediaType(self.media_type.chars().take(160).collect()))?;
        let content = match (self.dsse_envelope, self.message_signature) {
            (Some(envelope), None) => Content::Envelope(one_signature(envelope.decode()?)?),
            (None, Some(message)) => message.decode()?,
            _ => return Err(BundleError::OneOf("dsseEnvelope and messageSignature")),
        };
        let WireMaterial { tlog_entries, timestamp_verification_data, .. } = &self.verification_material;
        let entries = tlog_entries.as_deref().unwrap_or_default();
        let timestamps =
            timestamp_verification_data.as_ref().and_then(|data| data.rfc3161_timestamps.as_deref());
        let timestamps = timestamps.unwrap_or_default();
        at_most("log entries", entries)?;
        at_most("time stamps", timestamps)?;
        Ok(Bundle {
            version,
            log_entries: entries.iter().map(WireEntry::decode).collect::<Result<_, _>>()?,
            timestamps: timestamps
                .iter()
                .map(|stamp| bytes("a time stamp", &stamp.signed_timestamp))
                .collect::<Result<_, _>>()?,
            material: self.verification_material.decode(version)?,
            content,
        })
    }
}

fn version(media_type: &str) -> Option<Version> {
    let number = media_type.strip_prefix("application/vnd.dev.sigstore.bundle")?;
    let number = number
        .strip_prefix("+json;version=")
        .or_else(|| number.strip_prefix(".v").and_then(|number| number.strip_suffix("+json")))?;
    Some(match number {
        "0.1" => Version::V0_1,
        "0.2" => Version::V0_2,
        "0.3" => Version::V0_3,
        _ => return None,
    })
}

fn one_signature(envelope: Envelope) -> Result<Envelope, BundleError> {
    match envelope.signatures.len() {
        1 => Ok(envelope),
        count => Err(BundleError::Signatures(count)),
    }
}

impl WireMessage<'_> {
    fn decode(self) -> Result<Content, BundleError> {
        let digest = self.message_digest.map(|digest| {
            Ok::<_, BundleError>((
                digest.algorithm.into_owned(),
                bytes("the message digest", &digest.digest)?,
            ))
        });
        let signature = bytes("the signature", &self.signature)?;
        Ok(Content::Message { digest: digest.transpose()?, signature })
    }
}

impl WireMaterial<'_> {
    fn decode(self, version: Version) -> Result<Material, BundleError> {
        let certificates = match (self.public_key, self.certificate, self.x509_certificate_chain) {
            (Some(key), None, None) => {
                return Ok(Material::Key { hint: key.hint.unwrap_or_default().into_owned() });
            }
            (None, Some(certificate), None) => vec![certificate],
            (None, None, Some(chain)) if !chain.certificates.is_empty() && version < Version::V0_3 => {
                chain.certificates
            }
            _ => {
                return Err(BundleError::OneOf(
                    "publicKey, certificate and (before version 0.3) x509CertificateChain",
                ));
            }
        };
        at_most("certificates", &certificates)?;
        let certificates =
            certificates.iter().map(|certificate| bytes("a certificate", &certificate.raw_bytes));
        Ok(Material::Certificates(certificates.collect::<Result<_, _>>()?))
    }
}

impl WireEntry<'_> {
    fn decode(&self) -> Result<LogEntry, BundleError> {
        let missing = |what: &str| BundleError::Shape(format!("a log entry has no {what}"));
        let log_id = self.log_id.as_ref().ok_or_else(|| missing("logId"))?;
        let kind = self.kind_version.as_ref().ok_or_else(|| missing("kindVersion"))?;
        let promise = self.inclusion_promise.as_ref();
        Ok(LogEntry {
            index: self.log_index,
            log_id: bytes("the log's identifier", &log_id.key_id)?,
            kind: kind.kind.clone().into_owned(),
            kind_version: kind.version.clone().into_owned(),
            integrated: self.integrated_time,
            promise: promise
                .map(|promise| bytes("a log's promise", &promise.signed_entry_timestamp))
                .transpose()?,
            proof: self.inclusion_proof.as_ref().map(WireProof::decode).transpose()?,
            body: bytes("a log entry's body", &self.canonicalized_body)?,
        })
    }
}

impl WireProof<'_> {
    fn decode(&self) -> Result<InclusionProof, BundleError> {
        // A tree of 2^64 leaves has paths of 64.
        if self.hashes.len() > 64 {
            return Err(BundleError::Shape(format!("a log's proof has {} hashes", self.hashes.len())));
        }
        let hashes = self.hashes.iter().map(|hash| bytes("a log's proof", hash));
        Ok(InclusionProof {
            index: self.log_index,
            root: bytes("a log's root", &self.root_hash)?,
            tree_size: self.tree_size,
            hashes: hashes.collect::<Result<_, _>>()?,
            checkpoint: self.checkpoint.as_ref().map(|it| it.envelope.to_string()).unwrap_or_default(),
        })
    }
}
