//! Private keys: made, read, written and used for signing.

use std::fmt;

use aws_lc_rs::{
    digest::{self, Digest, SHA256, SHA384},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use zeroize::Zeroizing;

use super::{
    AskPassword, KEY_BYTES, KeyAlgorithm, KeyError, Password, PublicKey,
    cosign::{self, Locked},
    der::{CONTEXT_0, CONTEXT_1, DerError, OCTET_STRING, Reader, SEQUENCE},
    kind::{Curve, Kind},
    pem,
    public::rsa_bits,
};

const PKCS8: &str = "private key (PKCS#8)";
const SEC1: &str = "elliptic curve private key (SEC 1)";
const PKCS1: &str = "RSA private key (PKCS#1)";

/// A key that signs. It never shows its secret part but in the forms that are asked for, and memory that held it is wiped.
///
/// ```
/// use sbom_core::attest::key::{KeyAlgorithm, PrivateKey};
/// let key = PrivateKey::generate(KeyAlgorithm::P256)?;
/// let signature = key.sign(b"message")?;
/// assert!(key.public().verify(b"message", &signature).is_ok());
/// # Ok::<(), sbom_core::attest::key::KeyError>(())
/// ```
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// Makes a key of P-256, P-384 or Ed25519.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let library = |Unspecified| KeyError::Library;
        let pair = match algorithm {
            KeyAlgorithm::P256 => Pair::Ec(EcdsaKeyPair::generate(ec(Curve::P256)).map_err(library)?),
            KeyAlgorithm::P384 => Pair::Ec(EcdsaKeyPair::generate(ec(Curve::P384)).map_err(library)?),
            KeyAlgorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(library)?),
            KeyAlgorithm::P521 | KeyAlgorithm::Rsa { .. } => return Err(KeyError::NotMade { algorithm }),
        };
        Self::of(pair)
    }

    /// Reads a PEM file: PKCS#8, SEC 1 (`EC PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`), or cosign's encrypted form, for which
    /// alone `ask` is called, once, and not before everything else is known to be right.
    pub fn read(text: &[u8], ask: &mut AskPassword<'_>) -> Result<Self, KeyError> {
        if text.len() > KEY_BYTES {
            return Err(KeyError::TooLong { bytes: text.len() });
        }
        let block = pem::only_block(text)?;
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&block.content),
            "EC PRIVATE KEY" => Self::from_sec1(&block.content),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.content),
            cosign::LABEL | cosign::OLD_LABEL => {
                let locked = Locked::read(&block.content)?;
                let password = ask().map_err(|source| KeyError::Password { source })?;
                Self::from_pkcs8(&locked.open(&password)?)
            }
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::EncryptedPkcs8),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(KeyError::Public { label: block.label.clone() }),
            label => Err(KeyError::Label { label: label.chars().take(64).collect() }),
        }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its signature over `message`, as [`PublicKey::verify`] accepts it. Those of elliptic curves differ each time.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = match &self.pair {
            Pair::Ec(pair) => sign_ec(pair, self.public.algorithm(), message),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let done = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                done.map(|()| signature)
            }
        };
        signature.map_err(|Unspecified| KeyError::Library)
    }

    /// PKCS#8 as PEM, not encrypted.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(pem::write("PRIVATE KEY", &self.pkcs8()?))
    }

    /// The form that cosign encrypts keys in, as PEM.
    pub fn to_cosign_pem(&self, password: &Password) -> Result<String, KeyError> {
        let sealed = cosign::seal(&self.pkcs8()?, password)?;
        Ok(pem::write(cosign::LABEL, &sealed).as_str().to_owned())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let wrong = |source: DerError| KeyError::Der { what: PKCS8, source };
        let mut whole = Reader::new(der);
        let mut info = whole.value(SEQUENCE).map_err(wrong)?;
        whole.finish().map_err(wrong)?;
        info.unsigned().map_err(wrong)?;
        let kind = Kind::read(&mut info, PKCS8)?;
        let key = info.value(OCTET_STRING).map_err(wrong)?;
        let pair = match kind {
            Kind::Ec(curve) => EcdsaKeyPair::from_pkcs8(ec(curve), der).map(Pair::Ec),
            Kind::Ed25519 => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed25519),
            Kind::Rsa => {
                private_rsa_bits(key.rest())?;
                RsaKeyPair::from_pkcs8(der).map(Pair::Rsa)
            }
        };
        Self::of(pair.map_err(rejected)?)
    }

    /// `ECPrivateKey`: SEQUENCE { 1, privateKey, [0] curve, [1] publicKey }, with the curve, without which it is none.
    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let wrong = |source: DerError| KeyError::Der { what: SEC1, source };
        let mut whole = Reader::new(der);
        let mut key = whole.value(SEQUENCE).map_err(wrong)?;
        whole.finish().map_err(wrong)?;
        key.unsigned().map_err(wrong)?;
        key.value(OCTET_STRING).map_err(wrong)?;
        let curve = match key.optional(CONTEXT_0).map_err(wrong)? {
            Some(mut parameters) => Curve::of_parameters(&mut parameters)?,
            None => return Err(KeyError::Curve),
        };
        key.optional(CONTEXT_1).map_err(wrong)?;
        key.finish().map_err(wrong)?;
        Self::of(EcdsaKeyPair::from_private_key_der(ec(curve), der).map(Pair::Ec).map_err(rejected)?)
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        private_rsa_bits(der)?;
        Self::of(RsaKeyPair::from_der(der).map(Pair::Rsa).map_err(rejected)?)
    }

    fn of(pair: Pair) -> Result<Self, KeyError> {
        let spki: Result<PublicKeyX509Der<'_>, Unspecified> = match &pair {
            Pair::Ec(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        };
        let public = PublicKey::from_spki(spki.map_err(|Unspecified| KeyError::Library)?.as_ref())?;
        Ok(Self { pair, public })
    }

    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = match &self.pair {
            Pair::Ec(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|document| document.as_ref().to_vec())
            }
        };
        der.map(Zeroizing::new).map_err(|Unspecified| KeyError::Library)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(…, {:?})", self.public)
    }
}

fn ec(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA256_ASN1_SIGNING,
    }
}

/// A signature over the SHA-256 of `message`, whatever the curve.
///
/// AWS-LC offers P-384 with SHA-384 alone. ECDSA reads a digest no longer than the curve's order as a number, so that
/// a SHA-256 digest behind 16 zeros, as long as one of SHA-384, gives the signature over that very SHA-256 digest.
fn sign_ec(pair: &EcdsaKeyPair, algorithm: KeyAlgorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let signature = if algorithm == KeyAlgorithm::P384 {
        let short = digest::digest(&SHA256, message);
        let padded = [&[0; 16], short.as_ref()].concat();
        pair.sign_digest(&Digest::import_less_safe(&padded, &SHA384)?)
    } else {
        pair.sign(&SystemRandom::new(), message)
    };
    signature.map(|signature| signature.as_ref().to_vec())
}

/// Checks the length of the modulus of an `RSAPrivateKey`: SEQUENCE { version, modulus, … }. Before AWS-LC computes with it.
fn private_rsa_bits(der: &[u8]) -> Result<usize, KeyError> {
    let wrong = |source: DerError| KeyError::Der { what: PKCS1, source };
    let mut whole = Reader::new(der);
    let mut key = whole.value(SEQUENCE).map_err(wrong)?;
    whole.finish().map_err(wrong)?;
    key.unsigned().map_err(wrong)?;
    rsa_bits(key.unsigned().map_err(wrong)?)
}

fn rejected(error: KeyRejected) -> KeyError {
    KeyError::Inconsistent { reason: error.to_string() }
}
