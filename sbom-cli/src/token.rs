//! Keys in PKCS#11 tokens, as options and environment say.

use std::io;

use anyhow::anyhow;
use sbom_core::attest::{
    key::{AskPassword, Password},
    signer::{
        SignError, Signer,
        pkcs11::{KeyUri, TokenError, TokenSigner},
    },
};

use crate::{
    environment::Environment,
    exit_code::{Exit, Failure},
    keys::{self, SignerOptions},
};

/// Opens the token.
pub(crate) fn signer(
    uri: &KeyUri,
    options: &SignerOptions,
    environment: &Environment,
) -> Result<Box<dyn Signer>, Failure> {
    let module =
        options.pkcs11_module.as_ref().or(uri.module.as_ref()).or(environment.pkcs11_module.as_ref());
    let module = module.ok_or_else(|| {
        let places = "--pkcs11-module, module-path in the URI, or PKCS11_MODULE_PATH";
        Failure::usage(anyhow!("{uri}: which library reaches the token is not said: {places}"))
    })?;
    let ask: &mut AskPassword<'_> = &mut || pin(uri, environment);
    let signer = TokenSigner::open(module, uri, ask, None);
    Ok(Box::new(signer.map_err(|error| keys::of_signing(SignError::Token(error)))?))
}

/// Which exit a token's failure leads to.
pub(crate) fn exit(error: &TokenError) -> Exit {
    match error {
        TokenError::Pin { .. } => Exit::Usage,
        TokenError::Choice { .. } | TokenError::NoPublicKey { .. } | TokenError::Key { .. } => Exit::BadInput,
        _ => Exit::Environment,
    }
}

/// The number that opens the token: from the file that the URI names, from the variable, from the terminal.
fn pin(uri: &KeyUri, environment: &Environment) -> io::Result<Password> {
    if let Some(path) = &uri.pin_file {
        let read = keys::read_file(path).map_err(|failure| io::Error::other(failure.source))?;
        return Ok(read.as_bytes().trim_ascii_end().to_vec().into());
    }
    match &environment.pkcs11_pin {
        Some(pin) => Ok(pin.clone()),
        None => keys::ask(&format!("Number that opens {uri}")),
    }
}
