//! Who signs: the holder of a key, or an identity.

use std::fmt;

use anyhow::anyhow;
use clap::Args;
use sbom_core::attest::{
    bundle,
    envelope::{Envelope, IN_TOTO, PreAuth, Signature},
    signer::Signer,
    trust::Trust,
};

#[cfg(feature = "keyless")]
use crate::keyless::{Identity, KeylessArgs};
use crate::{
    environment::Environment,
    exit_code::Failure,
    keys::{self, SignerArgs},
};

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct AuthorArgs {
    #[command(flatten)]
    signer: SignerArgs,
    #[cfg(feature = "keyless")]
    #[command(flatten)]
    keyless: KeylessArgs,
}

/// Somebody who signs.
#[derive(Debug)]
pub(crate) enum Author {
    /// The holder of a key.
    Key(Box<dyn Signer>),
    /// An identity, as Fulcio certifies it.
    #[cfg(feature = "keyless")]
    Identity(Box<Identity>),
}

impl AuthorArgs {
    /// Whoever the options name.
    pub(crate) fn author(&self, environment: &Environment) -> Result<Author, Failure> {
        if let Some(signer) = self.signer.signer(environment)? {
            return Ok(Author::Key(signer));
        }
        #[cfg(feature = "keyless")]
        if let Some(identity) = self.keyless.identity(environment)? {
            return Ok(Author::Identity(Box::new(identity)));
        }
        Err(Failure::usage(anyhow!(
            "nobody is named to sign: give --key FILE (`sbomctl key generate` makes one) or --identity-token FILE"
        )))
    }
}

impl Author {
    /// Signs a statement, and gives the bundle.
    pub(crate) fn sign(&self, statement: Vec<u8>) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Key(signer) => {
                let message = PreAuth::new(IN_TOTO, &statement);
                let sig = signer.sign(&message).map_err(keys::of_signing)?;
                let envelope = Envelope {
                    payload_type: IN_TOTO.to_owned(),
                    payload: statement,
                    // Readers that compare it refuse any name of a key but none.
                    signatures: vec![Signature { keyid: String::new(), sig }],
                };
                Ok(bundle::of_key(&envelope, signer.public_key()))
            }
            #[cfg(feature = "keyless")]
            Self::Identity(identity) => identity.sign(&statement),
        }
    }

    /// What a consumer would have to trust; none if that is not known here.
    pub(crate) fn trust(&self) -> Result<Option<Trust>, Failure> {
        match self {
            Self::Key(signer) => Ok(Some(Trust::key(signer.public_key().clone()))),
            #[cfg(feature = "keyless")]
            Self::Identity(identity) => identity.trust(),
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(signer) => {
                let key = signer.public_key();
                write!(f, "{} key {}", key.algorithm(), key.fingerprint())
            }
            #[cfg(feature = "keyless")]
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}
