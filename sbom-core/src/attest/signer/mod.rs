//! What signs: a key in memory, a program, a token.

use std::fmt;

mod command;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
mod process;

pub use command::{CommandError, CommandSigner};
pub use process::ProcessError;

use super::{
    envelope::PreAuth,
    key::{BadSignature, KeyError, PrivateKey, PublicKey},
};

/// Something that signs envelopes with one key. It may be slow, and ask people for a touch or a number.
pub trait Signer: fmt::Debug {
    /// The public half of the key.
    fn public_key(&self) -> &PublicKey;

    /// A signature that the public key verifies.
    fn sign(&self, message: &PreAuth) -> Result<Vec<u8>, SignError>;
}

/// There is no signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key in memory does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The program that signs failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The token that signs failed.
    #[cfg(feature = "pkcs11")]
    #[error(transparent)]
    Token(#[from] pkcs11::TokenError),
    /// What was signed with is not the key whose public half is known.
    #[error("the signature that came back is not one of the key {fingerprint}")]
    NotOfKey {
        /// The fingerprint of the key that was meant.
        fingerprint: crate::digest::Digest,
        /// What the check said.
        source: BadSignature,
    },
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, message: &PreAuth) -> Result<Vec<u8>, SignError> {
        let signature = Self::sign(self, message.as_bytes())?;
        checked(self.public(), message, signature)
    }
}

/// `signature`, if it is one of this key: a fault in memory or in a device must not leave the house.
fn checked(key: &PublicKey, message: &PreAuth, signature: Vec<u8>) -> Result<Vec<u8>, SignError> {
    match key.verify(message.as_bytes(), &signature) {
        Ok(()) => Ok(signature),
        Err(source) => Err(SignError::NotOfKey { fingerprint: key.fingerprint(), source }),
    }
}
