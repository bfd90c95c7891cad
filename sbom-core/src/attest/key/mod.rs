//! Keys that sign and verify: PEM, PKCS#8, encrypted as cosign does.
//!
//! Every signature is one over a message, as a whole: with ECDSA and RSA over its SHA-256 digest, with Ed25519 over itself.
//! P-384 and P-521 verify with SHA-256 and with the curve's own digest, since writers differ, and sign with SHA-256, which
//! alone all readers of attestations accept (cosign 3.1 refuses SHA-384).
//!
//! Sources: RFC 5280 (`SubjectPublicKeyInfo`), RFC 5480 and RFC 8410 (its keys), RFC 5958 (PKCS#8), RFC 5915 (SEC 1),
//! RFC 8017 (PKCS#1), RFC 7468 (PEM).

use std::fmt;

mod cosign;
pub(crate) mod der;
pub(crate) mod kind;
mod password;
mod pem;
mod private;
mod public;

pub use cosign::CosignError;
pub use der::DerError;
pub use password::{AskPassword, Password};
pub use pem::PemError;
pub use private::PrivateKey;
pub use public::{BadSignature, PublicKey};

/// The longest key that is read, as PEM: an RSA key of 8192 bits, private and encrypted, takes 12 KiB.
pub const KEY_BYTES: usize = 32 << 10;

/// RSA keys that are accepted, by the length of their modulus in bits.
pub(crate) const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What kind of key a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA on the curve P-256.
    P256,
    /// ECDSA on the curve P-384.
    P384,
    /// ECDSA on the curve P-521.
    P521,
    /// Ed25519, of whole messages.
    Ed25519,
    /// RSA with PKCS#1 v1.5 padding.
    Rsa {
        /// Length of the modulus.
        bits: usize,
    },
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("ECDSA P-256"),
            Self::P384 => f.write_str("ECDSA P-384"),
            Self::P521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
        }
    }
}

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// More bytes than a key has.
    #[error("it has {bytes} bytes, more than any key ({KEY_BYTES})")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// Not exactly one PEM block.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Not the structure that is expected.
    #[error("it is no {what}: {source}")]
    Der {
        /// What was expected.
        what: &'static str,
        /// What there is.
        source: DerError,
    },
    /// A private key where a public one is meant.
    #[error(
        "it is a private key ({label:?}), where a public one is meant; `sbomctl key public FILE` prints its public half"
    )]
    Private {
        /// The label of its PEM block.
        label: String,
    },
    /// A public key where a private one is meant.
    #[error("it is a public key ({label:?}), where a private one is meant")]
    Public {
        /// The label of its PEM block.
        label: String,
    },
    /// A certificate where a key is meant.
    #[error("it is a certificate; `openssl x509 -in FILE -pubkey -noout` prints its key")]
    Certificate,
    /// A PEM block of another kind.
    #[error("a PEM block {label:?} is no key that is read here")]
    Label {
        /// Its label.
        label: String,
    },
    /// PKCS#8, encrypted with a password (PBES2).
    #[error(
        "it is PKCS#8 with a password of its own; `openssl pkcs8 -in FILE -out PLAIN` takes the encryption off, \
         then `sbomctl key import PLAIN` encrypts it as cosign does"
    )]
    EncryptedPkcs8,
    /// A kind of key that is not used here.
    #[error("its algorithm is {algorithm}; P-256, P-384, P-521, Ed25519 and RSA are read")]
    Algorithm {
        /// Its name or object identifier.
        algorithm: String,
    },
    /// A curve that is not used here, or one that is spelt out.
    #[error("its curve is none of P-256, P-384 and P-521, or is not given by name")]
    Curve,
    /// A point in compressed form.
    #[error(
        "its point is compressed; `openssl ec -pubin -in FILE -conv_form uncompressed` writes the usual form"
    )]
    Compressed,
    /// An RSA key of a length that is not accepted.
    #[error("it is an RSA key of {bits} bits; 2048 to 8192 are accepted")]
    RsaLength {
        /// Length of its modulus.
        bits: usize,
    },
    /// The numbers of a public key do not make one: a point beside the curve, an even exponent.
    #[error("it is no valid {algorithm} key: {reason}")]
    Rejected {
        /// What it is said to be.
        algorithm: KeyAlgorithm,
        /// What AWS-LC says.
        reason: String,
    },
    /// The numbers of a private key do not belong together.
    #[error("it is no valid private key: {reason}")]
    Inconsistent {
        /// What AWS-LC says.
        reason: String,
    },
    /// A key that is read and used, but not made.
    #[error("keys of {algorithm} are read, not made: make P-256, Ed25519 or P-384")]
    NotMade {
        /// What was asked for.
        algorithm: KeyAlgorithm,
    },
    /// The password could not be had.
    #[error("the password cannot be had: {source}")]
    Password {
        /// Why.
        source: std::io::Error,
    },
    /// cosign's encrypted form, damaged or of another kind, or the wrong password.
    #[error(transparent)]
    Cosign(#[from] CosignError),
    /// The source of randomness or the allocation of memory failed.
    #[error("the cryptographic library failed")]
    Library,
}

#[cfg(test)]
mod tests;
