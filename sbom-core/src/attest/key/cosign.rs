//! cosign's encrypted private keys: PKCS#8, sealed with a key that scrypt makes of a password.
//!
//! A PEM block holds base64 of JSON: `{"kdf":{"name":"scrypt","params":{"N","r","p"},"salt"},"cipher":{"name":
//! "nacl/secretbox","nonce"},"ciphertext"}`, bytes in base64; XSalsa20-Poly1305 with the tag first. Written with N = 65536,
//! r = 8, p = 1, which cosign writes and accepts.
//! Source: cosign 3.1 `pkg/cosign/keys.go`, go-securesystemslib `encrypted`.

use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_secretbox::{KeyInit as _, Nonce, XSalsa20Poly1305, aead::Aead as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyError, Password};

/// The PEM label that is written.
pub(super) const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// The PEM label of cosign before 1.14.
pub(super) const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

const SCRYPT: &str = "scrypt";
const SECRETBOX: &str = "nacl/secretbox";
const KEY_LENGTH: usize = 32;
const SALT_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
const PARAMETERS: Parameters = Parameters { n: 65536, r: 8, p: 1 };

/// The largest N: with r = 8, scrypt takes 1 GiB.
const MAX_N: u64 = 1 << 20;
/// The most memory that scrypt may take: 128 · N · r bytes.
const MAX_MEMORY: u64 = 1 << 30;
/// The largest p, which multiplies the time that scrypt takes.
const MAX_P: u32 = 4;

/// A private key in cosign's encrypted form cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// The block does not hold the JSON that it should.
    #[error("the encrypted key is malformed: {reason}")]
    Malformed {
        /// Which part is how.
        reason: String,
    },
    /// Another way to make a key of a password, or another cipher.
    #[error("the key is encrypted with {found:?}; {expected} is read")]
    Scheme {
        /// What is read.
        expected: &'static str,
        /// What it says.
        found: String,
    },
    /// Parameters that would take too much memory or time.
    #[error(
        "scrypt with N={n}, r={r}, p={p} is refused: N is at most 2^20, 128·N·r at most 1 GiB, p at most 4"
    )]
    Cost {
        /// N.
        n: u64,
        /// r.
        r: u32,
        /// p.
        p: u32,
    },
    /// It does not open.
    #[error("the password is wrong, or the encrypted key was changed")]
    Password,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// An encrypted key of which everything but the password is known to be right.
pub(super) struct Locked {
    cost: scrypt::Params,
    salt: Vec<u8>,
    nonce: [u8; NONCE_LENGTH],
    ciphertext: Vec<u8>,
}

impl Locked {
    /// Reads the content of the PEM block. Nothing is computed yet.
    pub(super) fn read(json: &[u8]) -> Result<Self, CosignError> {
        let malformed = |reason: String| CosignError::Malformed { reason };
        let sealed: Sealed = serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
        for (expected, found) in [(SCRYPT, &sealed.kdf.name), (SECRETBOX, &sealed.cipher.name)] {
            if found != expected {
                return Err(CosignError::Scheme { expected, found: found.chars().take(64).collect() });
            }
        }
        let cost = sealed.kdf.params.checked()?;
        let bytes = |name: &str, text: &str| {
            STANDARD.decode(text).map_err(|error| malformed(format!("{name} is not base64: {error}")))
        };
        let nonce = bytes("nonce", &sealed.cipher.nonce)?;
        let nonce =
            nonce.try_into().map_err(|_length| malformed(format!("nonce has not {NONCE_LENGTH} bytes")))?;
        let salt = bytes("salt", &sealed.kdf.salt)?;
        let ciphertext = bytes("ciphertext", &sealed.ciphertext)?;
        Ok(Self { cost, salt, nonce, ciphertext })
    }

    /// The PKCS#8 DER inside.
    pub(super) fn open(&self, password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let opened = secretbox(password, &self.salt, self.cost)?
            .decrypt(&Nonce::from(self.nonce), self.ciphertext.as_slice())
            .map_err(|crypto_secretbox::Error| CosignError::Password)?;
        Ok(Zeroizing::new(opened))
    }
}

/// The content of the PEM block for `pkcs8`.
pub(super) fn seal(pkcs8: &[u8], password: &Password) -> Result<Vec<u8>, KeyError> {
    let (mut salt, mut nonce) = ([0; SALT_LENGTH], [0; NONCE_LENGTH]);
    let random = rand::fill(&mut salt).and_then(|()| rand::fill(&mut nonce));
    random.map_err(|aws_lc_rs::error::Unspecified| KeyError::Library)?;
    let ciphertext = secretbox(password, &salt, PARAMETERS.checked()?)?
        .encrypt(&Nonce::from(nonce), pkcs8)
        .map_err(|crypto_secretbox::Error| KeyError::Library)?;
    let sealed = Sealed {
        kdf: Kdf { name: SCRYPT.to_owned(), params: PARAMETERS, salt: STANDARD.encode(salt) },
        cipher: Cipher { name: SECRETBOX.to_owned(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(ciphertext),
    };
    serde_json::to_vec(&sealed).map_err(|_impossible| KeyError::TooLong { bytes: KEY_BYTES })
}

impl Parameters {
    /// The same for scrypt, if they are within bounds.
    fn checked(self) -> Result<scrypt::Params, CosignError> {
        let Self { n, r, p } = self;
        let memory = n.saturating_mul(128).saturating_mul(u64::from(r));
        let is_bounded = (2..=MAX_N).contains(&n) && memory <= MAX_MEMORY && (1..=MAX_P).contains(&p);
        let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
        let refused = CosignError::Cost { n, r, p };
        if !is_bounded || !n.is_power_of_two() {
            return Err(refused);
        }
        scrypt::Params::new(log_n, r, p, KEY_LENGTH).map_err(|_invalid| refused)
    }
}

fn secretbox(password: &Password, salt: &[u8], cost: scrypt::Params) -> Result<XSalsa20Poly1305, KeyError> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    scrypt::scrypt(password.as_bytes(), salt, &cost, key.as_mut_slice())
        .map_err(|_length| KeyError::Library)?;
    XSalsa20Poly1305::new_from_slice(key.as_slice()).map_err(|_length| KeyError::Library)
}
