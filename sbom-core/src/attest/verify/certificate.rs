//! What a certificate says of its holder: the names, who vouched for them, and Fulcio's claims.
//!
//! Read strictly and by ourselves, because the verifier of chains gives only the first name that is a URI or an address, and
//! believes the newer of two issuers without a look at the older.
//! Source: RFC 5280; Fulcio, `docs/oid-info.md`.

use std::collections::BTreeMap;

use crate::{
    attest::{
        identity::{Claim, SubjectKind, SubjectName},
        key::{
            DerError, KeyError, PublicKey,
            der::{BIT_STRING, CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, write},
        },
    },
    digest::Digest,
};

const BOOLEAN: u8 = 0x01;
const UTF8_STRING: u8 = 0x0c;
const CONTEXT_3: u8 = 0xa3;
/// `[1] rfc822Name` of a `GeneralName`.
const EMAIL: u8 = 0x81;
/// `[6] uniformResourceIdentifier` of a `GeneralName`.
const URI: u8 = 0x86;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.4.1.57264.1
const FULCIO: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01];
const ISSUER: u8 = 1;
const USERNAME: u8 = 7;
const ISSUER_V2: u8 = 8;

/// What a certificate says, verified or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) key: PublicKey,
    pub(super) subjects: Vec<SubjectName>,
    pub(super) issuer: Option<String>,
    pub(super) claims: BTreeMap<Claim, String>,
    pub(super) fingerprint: Digest,
}

/// A certificate cannot be believed, whoever signed it.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    #[error("the certificate cannot be read: {0}")]
    Der(#[from] DerError),
    #[error("the certificate's key cannot be used: {0}")]
    Key(#[from] KeyError),
    #[error("the certificate holds the extension {0} twice")]
    Twice(String),
    #[error("the certificate's {0} is not text")]
    Text(&'static str),
    #[error("the certificate names two issuers of its identity, {old:?} and {new:?}")]
    Issuers { old: String, new: String },
    #[error("the certificate is not for signatures")]
    Usage,
}

impl Certificate {
    /// Reads the certificate of a signer.
    pub(super) fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let Parts { key, rest, .. } = Parts::read(der)?;
        let extensions = Extensions::read(rest)?;
        extensions.check_usage()?;
        Ok(Self {
            key: PublicKey::from_spki(&key)?,
            subjects: extensions.subjects()?,
            issuer: extensions.issuer()?,
            claims: extensions.claims(),
            fingerprint: Digest::of(der),
        })
    }
}

/// Whether a certificate names itself as its issuer, as a root does.
pub(super) fn is_self_issued(der: &[u8]) -> Result<bool, CertificateError> {
    Parts::read(der).map(|parts| parts.issuer == parts.subject)
}

/// What stands at the beginning of a certificate.
struct Parts<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    /// The `SubjectPublicKeyInfo`.
    key: Vec<u8>,
    /// What follows the key.
    rest: Reader<'a>,
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, CertificateError> {
        let mut whole = Reader::new(der);
        let mut certificate = whole.value(SEQUENCE)?;
        whole.finish()?;
        let mut tbs = certificate.value(SEQUENCE)?;
        tbs.optional(CONTEXT_0)?;
        tbs.value(INTEGER)?;
        tbs.value(SEQUENCE)?;
        let issuer = tbs.value(SEQUENCE)?.rest();
        tbs.value(SEQUENCE)?;
        let subject = tbs.value(SEQUENCE)?.rest();
        let key = tbs.value(SEQUENCE)?;
        let key = write(SEQUENCE, &[key.rest()]).ok_or(CertificateError::Text("key"))?;
        Ok(Self { issuer, subject, key, rest: tbs })
    }
}

/// The extensions by the content of their object identifiers.
struct Extensions<'a>(BTreeMap<&'a [u8], &'a [u8]>);

impl<'a> Extensions<'a> {
    /// Reads what follows the key.
    fn read(mut tbs: Reader<'a>) -> Result<Self, CertificateError> {
        let mut found = BTreeMap::new();
        for unique_id in [0x81, 0x82] {
            tbs.optional(unique_id)?;
        }
        let Some(mut extensions) = tbs.optional(CONTEXT_3)? else { return Ok(Self(found)) };
        let mut list = extensions.value(SEQUENCE)?;
        while !list.rest().is_empty() {
            let mut extension = list.value(SEQUENCE)?;
            let id = extension.value(OBJECT_IDENTIFIER)?.rest();
            extension.optional(BOOLEAN)?;
            if found.insert(id, extension.value(OCTET_STRING)?.rest()).is_some() {
                let id: Vec<_> = id.iter().map(|byte| format!("{byte:02x}")).collect();
                return Err(CertificateError::Twice(id.join(" ")));
            }
        }
        Ok(Self(found))
    }

    fn fulcio(&self, number: u8) -> Option<&'a [u8]> {
        self.0.get(fulcio(number).as_slice()).copied()
    }

    /// A certificate that says what its key is for must say: for signatures.
    fn check_usage(&self) -> Result<(), CertificateError> {
        let Some(usage) = self.0.get(KEY_USAGE) else { return Ok(()) };
        let bits = Reader::new(usage).value(BIT_STRING)?.rest();
        match bits.get(1) {
            Some(first) if first & 0x80 != 0 => Ok(()),
            _ => Err(CertificateError::Usage),
        }
    }

    fn subjects(&self) -> Result<Vec<SubjectName>, CertificateError> {
        let mut subjects = Vec::new();
        let Some(names) = self.0.get(SUBJECT_ALT_NAME) else { return Ok(subjects) };
        let mut names = Reader::new(names).value(SEQUENCE)?;
        while let Some(tag) = names.rest().first().copied() {
            let name = names.value(tag)?;
            let subject = match tag {
                EMAIL => Some((SubjectKind::Email, name.rest())),
                URI => Some((SubjectKind::Uri, name.rest())),
                CONTEXT_0 => username(name)?.map(|name| (SubjectKind::Username, name)),
                _ => None,
            };
            if let Some((kind, name)) = subject {
                subjects.push(SubjectName { kind, name: text("subject", name)?.to_owned() });
            }
        }
        Ok(subjects)
    }

    /// Who vouched for the subject: the newer extension, with which the older may not disagree.
    fn issuer(&self) -> Result<Option<String>, CertificateError> {
        let old = self.fulcio(ISSUER).map(|value| text("issuer", value)).transpose()?;
        let new = self.fulcio(ISSUER_V2).map(|value| utf8("issuer", value)).transpose()?;
        match (old, new) {
            (Some(old), Some(new)) if old != new => {
                Err(CertificateError::Issuers { old: old.to_owned(), new: new.to_owned() })
            }
            (old, new) => Ok(new.or(old).map(str::to_owned)),
        }
    }

    /// A claim that cannot be read is none, which no demand accepts.
    fn claims(&self) -> BTreeMap<Claim, String> {
        let numbers = 9..=u8::MAX >> 1;
        let claims = numbers.filter_map(|number| {
            let value = utf8("claim", self.fulcio(number)?).ok()?;
            Some((Claim::of_number(number)?, value.to_owned()))
        });
        claims.collect()
    }
}

fn fulcio(number: u8) -> Vec<u8> {
    FULCIO.iter().copied().chain([number]).collect()
}

/// The name in an `otherName` of Fulcio's.
fn username(mut name: Reader<'_>) -> Result<Option<&[u8]>, CertificateError> {
    if name.value(OBJECT_IDENTIFIER)?.rest() != fulcio(USERNAME) {
        return Ok(None);
    }
    Ok(Some(name.value(CONTEXT_0)?.value(UTF8_STRING)?.rest()))
}

fn utf8<'a>(what: &'static str, der: &'a [u8]) -> Result<&'a str, CertificateError> {
    let mut reader = Reader::new(der);
    let value = reader.value(UTF8_STRING)?;
    reader.finish()?;
    text(what, value.rest())
}

fn text<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, CertificateError> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(char::is_control))
        .ok_or(CertificateError::Text(what))
}
