//! DSSE envelopes, and the bytes that their signatures cover.
//!
//! Source: DSSE 1.0, `protocol.md` and `envelope.md`.

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

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

impl PreAuth {
    /// The encoding of a payload: `DSSEv1 SP len SP type SP len SP payload`, lengths in decimal bytes.
    ///
    /// ```
    /// use sbom_core::attest::envelope::PreAuth;
    /// assert_eq!(PreAuth::new("a/b", b"{}").as_bytes(), b"DSSEv1 3 a/b 2 {}");
    /// ```
    pub fn new(payload_type: &str, payload: &[u8]) -> Self {
        let mut bytes =
            format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Envelope {
    /// What its signatures cover.
    pub fn pre_auth(&self) -> PreAuth {
        PreAuth::new(&self.payload_type, &self.payload)
    }
}
