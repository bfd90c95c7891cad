//! Public keys: read strictly, and what they verify.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA256_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    VerificationAlgorithm,
};

use super::{
    KEY_BYTES, KeyAlgorithm, KeyError, RSA_BITS,
    der::{BIT_STRING, DerError, Reader, SEQUENCE, write},
    kind::{Curve, Kind},
    pem,
};
use crate::digest::Digest;

/// Labels of PEM blocks that hold private keys.
pub(super) const PRIVATE_LABELS: [&str; 7] = [
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    super::cosign::LABEL,
    super::cosign::OLD_LABEL,
];

const SPKI: &str = "public key (SubjectPublicKeyInfo)";
const PKCS1: &str = "RSA public key (PKCS#1)";

/// A key that verifies signatures. Two are equal if they are the same key.
///
/// ```
/// use sbom_core::attest::key::{KeyAlgorithm, PublicKey};
/// let key = PublicKey::from_pem(
///     b"-----BEGIN PUBLIC KEY-----\n\
///     MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
///     -----END PUBLIC KEY-----\n",
/// )?;
/// assert_eq!(key.algorithm(), KeyAlgorithm::Ed25519);
/// assert!(key.verify(b"message", &[0; 64]).is_err());
/// # Ok::<(), sbom_core::attest::key::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    spki: Box<[u8]>,
}

/// A signature is not one of this key over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not one of this key over this message")]
pub struct BadSignature;

impl PublicKey {
    /// Reads a PEM file: a `SubjectPublicKeyInfo`, or the PKCS#1 form of RSA keys.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > KEY_BYTES {
            return Err(KeyError::TooLong { bytes: text.len() });
        }
        let block = pem::only_block(text)?;
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki(&block.content),
            "RSA PUBLIC KEY" => Self::from_pkcs1(&block.content),
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Err(KeyError::Certificate),
            label if PRIVATE_LABELS.contains(&label) => Err(KeyError::Private { label: label.to_owned() }),
            label => Err(KeyError::Label { label: label.chars().take(64).collect() }),
        }
    }

    /// Reads a `SubjectPublicKeyInfo` in DER, the whole of `der`.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        if der.len() > KEY_BYTES {
            return Err(KeyError::TooLong { bytes: der.len() });
        }
        let wrong = |source: DerError| KeyError::Der { what: SPKI, source };
        let mut whole = Reader::new(der);
        let mut info = whole.value(SEQUENCE).map_err(wrong)?;
        whole.finish().map_err(wrong)?;
        let kind = Kind::read(&mut info, SPKI)?;
        let key = info.bits().map_err(wrong)?;
        info.finish().map_err(wrong)?;
        let algorithm = match kind {
            Kind::Ec(curve) => of_point(curve, key)?,
            Kind::Ed25519 => KeyAlgorithm::Ed25519,
            Kind::Rsa => KeyAlgorithm::Rsa { bits: modulus_bits(key)? },
        };
        // Whether a point is on its curve and an exponent is odd is for AWS-LC to say.
        ParsedPublicKey::new(verifier(algorithm), der)
            .map_err(|error| KeyError::Rejected { algorithm, reason: error.to_string() })?;
        Ok(Self { algorithm, spki: der.into() })
    }

    /// The key of an elliptic curve whose point is `point`, in uncompressed form.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        Self::of_parts(Kind::Ec(curve), point)
    }

    /// Reads an `RSAPublicKey`.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        Self::of_parts(Kind::Rsa, der)
    }

    fn of_parts(kind: Kind, key: &[u8]) -> Result<Self, KeyError> {
        let spki = || write(SEQUENCE, &[&kind.write()?, &write(BIT_STRING, &[&[0], key])?]);
        Self::from_spki(&spki().ok_or(KeyError::TooLong { bytes: key.len() })?)
    }

    /// What kind of key it is.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Its `SubjectPublicKeyInfo`, in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The SHA-256 digest of [`Self::spki`], by which Sigstore calls keys.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.spki)
    }

    /// Its `SubjectPublicKeyInfo` as PEM.
    pub fn to_pem(&self) -> String {
        pem::write("PUBLIC KEY", &self.spki).as_str().to_owned()
    }

    /// Accepts `signature` if it is one of this key over `message`: ECDSA in DER over the message's SHA-256 (P-384 and P-521
    /// also over SHA-384 and SHA-512), Ed25519 over the message, RSA with PKCS#1 v1.5 over its SHA-256.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let also: Option<&dyn VerificationAlgorithm> = match self.algorithm {
            KeyAlgorithm::P384 => Some(&ECDSA_P384_SHA384_ASN1),
            KeyAlgorithm::P521 => Some(&ECDSA_P521_SHA512_ASN1),
            _ => None,
        };
        let accepts = |verifier: &dyn VerificationAlgorithm| {
            verifier.verify_sig(&self.spki, message, signature).is_ok()
        };
        if accepts(verifier(self.algorithm)) || also.is_some_and(accepts) {
            Ok(())
        } else {
            Err(BadSignature)
        }
    }

    /// Accepts `signature` if it is one of this RSA key over the SHA-256 of `message` with PSS padding, which no reader of
    /// attestations expects: for those who ask for it alone.
    pub fn verify_pss(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let KeyAlgorithm::Rsa { .. } = self.algorithm else { return Err(BadSignature) };
        let verified = RSA_PSS_2048_8192_SHA256.verify_sig(&self.spki, message, signature);
        verified.map_err(|aws_lc_rs::error::Unspecified| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm, self.fingerprint())
    }
}

fn verifier(algorithm: KeyAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        KeyAlgorithm::P256 => &ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::P384 => &ECDSA_P384_SHA256_ASN1,
        KeyAlgorithm::P521 => &ECDSA_P521_SHA256_ASN1,
        KeyAlgorithm::Ed25519 => &ED25519,
        KeyAlgorithm::Rsa { .. } => &RSA_PKCS1_2048_8192_SHA256,
    }
}

/// The algorithm of a point, which must be in uncompressed form, so that a key has one fingerprint.
fn of_point(curve: Curve, point: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let algorithm = match curve {
        Curve::P256 => KeyAlgorithm::P256,
        Curve::P384 => KeyAlgorithm::P384,
        Curve::P521 => KeyAlgorithm::P521,
    };
    match point {
        [4, coordinates @ ..] if coordinates.len() == 2 * curve.bytes() => Ok(algorithm),
        [2 | 3, x @ ..] if x.len() == curve.bytes() => Err(KeyError::Compressed),
        _ => Err(KeyError::Rejected { algorithm, reason: "its point has another length".to_owned() }),
    }
}

/// The length of the modulus of an `RSAPublicKey`: SEQUENCE { modulus, publicExponent }. Checked before AWS-LC computes with it.
fn modulus_bits(der: &[u8]) -> Result<usize, KeyError> {
    let wrong = |source: DerError| KeyError::Der { what: PKCS1, source };
    let mut whole = Reader::new(der);
    let mut key = whole.value(SEQUENCE).map_err(wrong)?;
    whole.finish().map_err(wrong)?;
    let modulus = key.unsigned().map_err(wrong)?;
    key.unsigned().map_err(wrong)?;
    key.finish().map_err(wrong)?;
    rsa_bits(modulus)
}

/// The length of a modulus, if it is one that is accepted.
pub(super) fn rsa_bits(modulus: &[u8]) -> Result<usize, KeyError> {
    let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = (8 * modulus.len()).saturating_sub(usize::try_from(zeros).unwrap_or(0));
    if RSA_BITS.contains(&bits) { Ok(bits) } else { Err(KeyError::RsaLength { bits }) }
}
