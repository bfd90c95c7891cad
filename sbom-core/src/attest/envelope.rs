//! DSSE envelopes: the bytes that their signatures cover, and their JSON, read strictly and written as every consumer
//! accepts it.
//!
//! Source: DSSE 1.0, `protocol.md` and `envelope.md`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{NotBase64, base64};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Signatures of one envelope.
pub const MAX_SIGNATURES: usize = 32;

/// An envelope: a payload, what it is, and the signatures over both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is; [`IN_TOTO`] for statements.
    pub payload_type: String,
    /// The payload, decoded.
    pub payload: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// A hint at the key, which proves nothing.
    pub keyid: String,
    /// The signature, decoded.
    pub sig: Vec<u8>,
}

/// What a signature of an envelope covers: the pre-authentication encoding of type and payload. Nothing else is ever
/// signed, so that no signature of ours can be taken for one over other bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreAuth(Vec<u8>);

/// Bytes are not an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// It is not JSON of the right shape.
    #[error("not a DSSE envelope: {0}")]
    Shape(String),
    /// Payload or signature is not base64.
    #[error("{field} of the envelope is {source}")]
    Base64 {
        /// The member.
        field: &'static str,
        /// Why.
        source: NotBase64,
    },
    /// Nobody signed it, or too many did.
    #[error("the envelope has {0} signatures, of which there must be 1 to {MAX_SIGNATURES}")]
    Signatures(usize),
}

impl PreAuth {
    /// The encoding of a payload: `DSSEv1 SP len SP type SP len SP payload`, lengths in decimal bytes.
    ///
    /// ```
    /// use sbom_core::attest::envelope::PreAuth;
    /// assert_eq!(PreAuth::new("a/b", b"{}").as_bytes(), b"DSSEv1 3 a/b 2 {}");
    /// ```
    pub fn new(payload_type: &str, payload: &[u8]) -> Self {
        let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
        let mut bytes = Vec::with_capacity(head.len().saturating_add(payload.len()));
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(payload);
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Envelope {
    /// Reads an envelope. Members that DSSE does not know are ignored, a member that is there twice is refused.
    pub fn read(json: &[u8]) -> Result<Self, EnvelopeError> {
        let wire: Wire =
            serde_json::from_slice(json).map_err(|error| EnvelopeError::Shape(error.to_string()))?;
        wire.decode()
    }

    /// What its signatures cover.
    pub fn pre_auth(&self) -> PreAuth {
        PreAuth::new(&self.payload_type, &self.payload)
    }

    /// One line of JSON. Key identifiers are left out where they are empty: cosign takes a signature with an identifier
    /// other than its own for one of somebody else.
    pub fn write(&self) -> Vec<u8> {
        // Strings alone: nothing here can fail to be written.
        serde_json::to_vec(&Wire::of(self)).unwrap_or_default()
    }
}

/// The envelope as JSON has it. The payload is borrowed from there, so that it is copied once, decoded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Wire<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow, rename = "payloadType", alias = "payload_type")]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<WireSignature<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireSignature<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    keyid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

impl<'a> Wire<'a> {
    pub(super) fn of(envelope: &'a Envelope) -> Self {
        let signatures = envelope.signatures.iter().map(|signature| WireSignature {
            keyid: (!signature.keyid.is_empty()).then_some(Cow::Borrowed(&signature.keyid)),
            sig: base64::encode(&signature.sig).into(),
        });
        Self {
            payload: base64::encode(&envelope.payload).into(),
            payload_type: Cow::Borrowed(&envelope.payload_type),
            signatures: signatures.collect(),
        }
    }

    pub(super) fn decode(self) -> Result<Envelope, EnvelopeError> {
        let bytes = |field, text: &str| {
            base64::decode(text).map_err(|source| EnvelopeError::Base64 { field, source })
        };
        if self.signatures.is_empty() || self.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::Signatures(self.signatures.len()));
        }
        let signatures = self.signatures.iter().map(|signature| {
            let keyid = signature.keyid.as_deref().unwrap_or_default().to_owned();
            Ok(Signature { keyid, sig: bytes("a signature", &signature.sig)? })
        });
        Ok(Envelope {
            signatures: signatures.collect::<Result<_, _>>()?,
            payload: bytes("the payload", &self.payload)?,
            payload_type: self.payload_type.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let found = Envelope::read(json.as_bytes())
            .map_or_else(|error| error.to_string(), |envelope| String::from_utf8(envelope.write()).unwrap());
        assert!(found.starts_with(expected), "{json}\n{found}");
    }

    #[test]
    fn an_envelope_is_written_with_one_spelling() {
        let plain =
            r#"{"payload":"-_8","payloadType":"a","signatures":[{"keyid":"","sig":"AQ=="}],"more":[1]}"#;
        check(plain, r#"{"payload":"+/8=","payloadType":"a","signatures":[{"sig":"AQ=="}]}"#);
        let known = r#"{"payload_type":"a","signatures":[{"keyid":"k","sig":"AQ=="}],"payload":""}"#;
        check(known, r#"{"payload":"","payloadType":"a","signatures":[{"keyid":"k","sig":"AQ=="}]}"#);
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused_whatever_its_spelling() {
        let twice = r#"{"payload":"","payloadType":"a","payload_type":"b","signatures":[{"sig":"AQ=="}]}"#;
        check(twice, "not a DSSE envelope: duplicate field `payloadType`");
        check(
            r#"{"payload":"","payload":"","payloadType":"a","signatures":[]}"#,
            "not a DSSE envelope: duplicate",
        );
    }

    #[test]
    fn an_envelope_without_signatures_or_with_too_many_is_refused() {
        check(r#"{"payload":"","payloadType":"a","signatures":[]}"#, "the envelope has 0 signatures");
        let many = vec![r#"{"sig":""}"#; MAX_SIGNATURES + 1].join(",");
        check(
            &format!(r#"{{"payload":"","payloadType":"a","signatures":[{many}]}}"#),
            "the envelope has 33 signatures",
        );
    }

    #[test]
    fn base64_is_read_in_its_one_spelling() {
        check(
            r#"{"payload":"AR==","payloadType":"a","signatures":[{"sig":""}]}"#,
            "the payload of the envelope is not base64",
        );
        check(
            r#"{"payload":"","payloadType":"a","signatures":[{"sig":"A Q="}]}"#,
            "a signature of the envelope is not base64",
        );
    }

    #[test]
    fn the_encoding_separates_type_and_payload() {
        let moved = PreAuth::new("a", b"b 1 c");
        assert_ne!(moved, PreAuth::new("a 5 b", b"c"));
        assert_eq!(moved.as_bytes(), b"DSSEv1 1 a 5 b 1 c");
    }
}
