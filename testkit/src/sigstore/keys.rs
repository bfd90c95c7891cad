//! The keys of the services: ECDSA over P-256 and P-384.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
        ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::der::{bits, element, oid, read, sequence};

pub(super) const EC: &str = "1.2.840.10045.2.1";
pub(super) const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";

/// A curve with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

/// A private key.
#[derive(Debug)]
pub(super) struct Key {
    pair: EcdsaKeyPair,
    curve: Curve,
}

impl Key {
    #[expect(clippy::expect_used, reason = "a test without keys has failed")]
    pub(super) fn generate(curve: Curve) -> Self {
        let algorithm = match curve {
            Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        };
        Self { pair: EcdsaKeyPair::generate(algorithm).expect("a key"), curve }
    }

    #[expect(clippy::expect_used, reason = "a test whose keys do not sign has failed")]
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    }

    /// `SubjectPublicKeyInfo`.
    pub(super) fn spki(&self) -> Vec<u8> {
        let curve = match self.curve {
            Curve::P256 => P256,
            Curve::P384 => P384,
        };
        sequence(&[sequence(&[oid(EC), oid(curve)]), bits(self.pair.public_key().as_ref())])
    }

    /// `AlgorithmIdentifier` of its signatures.
    pub(super) fn algorithm(&self) -> Vec<u8> {
        sequence(&[oid(match self.curve {
            Curve::P256 => ECDSA_SHA256,
            Curve::P384 => ECDSA_SHA384,
        })])
    }
}

/// Whether `signature` is one over `message` by the ECDSA key of a `SubjectPublicKeyInfo`.
pub(super) fn is_signed(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let point = || {
        let (_, content, _) = read(spki)?;
        let (_, algorithm, rest) = read(content)?;
        let (_, point, _) = read(rest)?;
        Some((algorithm.ends_with(oid(P256).as_slice()), point.get(1..)?))
    };
    let Some((is_p256, point)) = point() else { return false };
    let algorithm = if is_p256 { &ECDSA_P256_SHA256_ASN1 } else { &ECDSA_P384_SHA384_ASN1 };
    UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
}

/// PEM of a kind.
pub(super) fn pem(kind: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {kind}-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + &format!("\n-----END {kind}-----\n")
}

/// The first block of PEM, decoded.
pub(super) fn from_pem(text: &str) -> Option<Vec<u8>> {
    let body: String = text
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    STANDARD.decode(body).ok().filter(|bytes| !bytes.is_empty())
}

/// The key of a certificate.
pub(super) fn spki_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate, _) = read(certificate)?;
    let (_, tbs, _) = read(certificate)?;
    let mut rest = tbs;
    // Version, serial number, algorithm, issuer, validity, subject.
    for _ in 0..6 {
        rest = read(rest)?.2;
    }
    let (tag, content, _) = read(rest)?;
    Some(element(tag, content))
}
