//! Keys that never leave their token: PKCS#11 with ECDSA on P-256, P-384 and P-521, and RSA.
//!
//! The token gets a digest that was made here, by the mechanisms that all tokens have (`CKM_ECDSA`, `CKM_RSA_PKCS`).
//! Its public key is read from it, or given where it shows none.
//! Source: PKCS#11 2.40, current mechanisms.

use std::{fmt, path::Path};

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::RawAuthPin,
};

use super::{SignError, Signer, checked, command::der_of_halves};
use crate::attest::{
    envelope::PreAuth,
    key::{
        AskPassword, KeyAlgorithm, KeyError, Password, PublicKey,
        der::{DerError, NULL, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, write, write_unsigned},
        kind::Curve,
    },
};

mod uri;

pub use uri::{KeyUri, UriError};

/// 2.16.840.1.101.3.4.2.1, `id-sha256`.
const SHA256_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// Signs with a key in a token.
pub struct TokenSigner {
    session: Session,
    object: ObjectHandle,
    key: PublicKey,
    shown: String,
}

/// A key in a token cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The library does not load or begin.
    #[error("the PKCS#11 library {path:?} cannot be used: {source}")]
    Library {
        /// Its path.
        path: std::path::PathBuf,
        /// Why.
        source: Box<Error>,
    },
    /// The library or the token refuses something.
    #[error("{uri}: {doing}: {source}")]
    Token {
        /// What was meant.
        uri: String,
        /// What was tried.
        doing: &'static str,
        /// What it says.
        source: Box<Error>,
    },
    /// The number that opens the token could not be had.
    #[error("{uri}: the number that opens the token cannot be had: {source}")]
    Pin {
        /// What was meant.
        uri: String,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing, or several things, are what the URI names.
    #[error("{uri}: {count} {what} are there of that name; exactly one is expected")]
    Choice {
        /// What was meant.
        uri: String,
        /// How many there are.
        count: usize,
        /// Of what.
        what: &'static str,
    },
    /// The token shows no public key that belongs to the private one.
    #[error("{uri}: the token shows no public key; give it as a file")]
    NoPublicKey {
        /// What was meant.
        uri: String,
    },
    /// Its public key cannot be used.
    #[error("{uri}: its public key cannot be used")]
    Key {
        /// What was meant.
        uri: String,
        /// Why.
        source: KeyError,
    },
}

impl TokenSigner {
    /// Opens the token by way of the library at `module` and finds the key. `ask` is called where the URI does not say the number
    /// that opens the token; `key` is the public key, for tokens that do not show it.
    pub fn open(
        module: &Path,
        uri: &KeyUri,
        ask: &mut AskPassword<'_>,
        key: Option<PublicKey>,
    ) -> Result<Self, TokenError> {
        let library = load(module)
            .map_err(|source| TokenError::Library { path: module.to_owned(), source: Box::new(source) })?;
        let session = Finder { uri, library }.session(ask)?;
        let find = |class| find(&session, uri, class);
        let object = only(find(ObjectClass::PRIVATE_KEY)?, uri, "private keys")?;
        let key = match key {
            Some(key) => key,
            None => match find(ObjectClass::PUBLIC_KEY)?.as_slice() {
                [] => return Err(TokenError::NoPublicKey { uri: uri.to_string() }),
                [object] => public_key(&session, *object, uri)?,
                several => return Err(choice(uri, several.len(), "public keys")),
            },
        };
        Ok(Self { session, object, key, shown: uri.to_string() })
    }

    fn token_sign(&self, mechanism: &Mechanism<'_>, data: &[u8]) -> Result<Vec<u8>, TokenError> {
        self.session.sign(mechanism, self.object, data).map_err(|source| TokenError::Token {
            uri: self.shown.clone(),
            doing: "signing",
            source: Box::new(source),
        })
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, message: &PreAuth) -> Result<Vec<u8>, SignError> {
        let hashed = digest(&SHA256, message.as_bytes());
        let algorithm = self.key.algorithm();
        let signature = if let KeyAlgorithm::Rsa { .. } = algorithm {
            self.token_sign(&Mechanism::RsaPkcs, &digest_info(hashed.as_ref()).unwrap_or_default())?
        } else {
            let halves = self.token_sign(&Mechanism::Ecdsa, hashed.as_ref())?;
            der_of_halves(&halves, algorithm).unwrap_or(halves)
        };
        checked(&self.key, message, signature)
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({}, {:?})", self.shown, self.key)
    }
}

fn load(module: &Path) -> Result<Pkcs11, Error> {
    let library = Pkcs11::new(module)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another part of this program began it.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(library),
        Err(error) => Err(error),
    }
}

/// A library, and whom to look for in it.
struct Finder<'a> {
    uri: &'a KeyUri,
    library: Pkcs11,
}

impl Finder<'_> {
    /// A session with the one token that is meant, opened with its number.
    fn session(&self, ask: &mut AskPassword<'_>) -> Result<Session, TokenError> {
        let slots = self.library.get_slots_with_initialized_token();
        let mut meant = Vec::new();
        for slot in slots.map_err(|source| failed(self.uri, "looking for tokens", source))? {
            if self.is_meant(slot)? {
                meant.push(slot);
            }
        }
        let slot = only(meant, self.uri, "tokens")?;
        let open = self.library.open_ro_session(slot);
        let session = open.map_err(|source| failed(self.uri, "opening the token", source))?;
        let pin = match &self.uri.pin {
            Some(pin) => pin.clone(),
            None => ask().map_err(|source| TokenError::Pin { uri: self.uri.to_string(), source })?,
        };
        login(&session, &pin).map_err(|source| failed(self.uri, "logging in", source))?;
        Ok(session)
    }

    fn is_meant(&self, slot: Slot) -> Result<bool, TokenError> {
        let uri = self.uri;
        let info = self.library.get_token_info(slot);
        let info = info.map_err(|source| failed(uri, "looking at a token", source))?;
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        Ok(is(&uri.token, info.label())
            && is(&uri.manufacturer, info.manufacturer_id())
            && is(&uri.model, info.model())
            && is(&uri.serial, info.serial_number())
            && uri.slot.is_none_or(|wanted| wanted == slot.id()))
    }
}

fn login(session: &Session, pin: &Password) -> Result<(), Error> {
    let pin = RawAuthPin::new(Box::new(pin.as_bytes().to_vec()));
    match session.login_with_raw(UserType::User, &pin) {
        // Another session with the same token is open.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn find(session: &Session, uri: &KeyUri, class: ObjectClass) -> Result<Vec<ObjectHandle>, TokenError> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.as_ref().map(|id| Attribute::Id(id.clone())));
    session.find_objects(&template).map_err(|source| failed(uri, "looking for the key", source))
}

fn only<T>(mut found: Vec<T>, uri: &KeyUri, what: &'static str) -> Result<T, TokenError> {
    let count = found.len();
    found.pop().filter(|_| count == 1).ok_or_else(|| choice(uri, count, what))
}

fn choice(uri: &KeyUri, count: usize, what: &'static str) -> TokenError {
    TokenError::Choice { uri: uri.to_string(), count, what }
}

fn failed(uri: &KeyUri, doing: &'static str, source: Error) -> TokenError {
    TokenError::Token { uri: uri.to_string(), doing, source: Box::new(source) }
}

fn public_key(session: &Session, object: ObjectHandle, uri: &KeyUri) -> Result<PublicKey, TokenError> {
    let wanted = [
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let attributes = session.get_attributes(object, &wanted);
    let attributes = attributes.map_err(|source| failed(uri, "reading the public key", source))?;
    let (mut parameters, mut point, mut modulus, mut exponent) = (None, None, None, None);
    for attribute in attributes {
        match attribute {
            Attribute::EcParams(bytes) => parameters = Some(bytes),
            Attribute::EcPoint(bytes) => point = Some(bytes),
            Attribute::Modulus(bytes) => modulus = Some(bytes),
            Attribute::PublicExponent(bytes) => exponent = Some(bytes),
            _ => {}
        }
    }
    let key = match (parameters, point, modulus, exponent) {
        (Some(parameters), Some(point), ..) => of_curve(&parameters, &point),
        (.., Some(modulus), Some(exponent)) => of_modulus(&modulus, &exponent),
        _ => return Err(TokenError::NoPublicKey { uri: uri.to_string() }),
    };
    key.map_err(|source| TokenError::Key { uri: uri.to_string(), source })
}

/// The key of `CKA_EC_PARAMS` and `CKA_EC_POINT`, which is an octet string around the point, in some tokens the bare point.
fn of_curve(parameters: &[u8], point: &[u8]) -> Result<PublicKey, KeyError> {
    let mut parameters = Reader::new(parameters);
    let curve = Curve::of_parameters(&mut parameters)?;
    let mut wrapped = Reader::new(point);
    let content: Result<&[u8], DerError> = wrapped.value(OCTET_STRING).and_then(|content| {
        wrapped.finish()?;
        Ok(content.rest())
    });
    PublicKey::from_point(curve, content.unwrap_or(point))
}

fn of_modulus(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, KeyError> {
    let der = || write(SEQUENCE, &[&write_unsigned(modulus)?, &write_unsigned(exponent)?]);
    PublicKey::from_pkcs1(&der().ok_or(KeyError::TooLong { bytes: modulus.len() })?)
}

/// What PKCS#1 v1.5 pads: SEQUENCE { SEQUENCE { id-sha256, NULL }, digest }.
fn digest_info(digest: &[u8]) -> Option<Vec<u8>> {
    let algorithm = write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[SHA256_OID])?, &write(NULL, &[])?])?;
    write(SEQUENCE, &[&algorithm, &write(OCTET_STRING, &[digest])?])
}

#[cfg(test)]
mod tests;
