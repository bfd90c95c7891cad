//! Certificates: authorities, what Fulcio issues for identities, and the promise of a certificate log.
//!
//! Sources: RFC 5280, RFC 6962 (section 3), Fulcio's list of object identifiers.

use super::{
    der::{bits, context, element, integer, octets, oid, sequence, set, text, time, unsigned},
    keys::{Curve, Key},
    sha256,
};

pub(super) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
pub(super) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
const FULCIO: &str = "1.3.6.1.4.1.57264.1";
const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";

/// A certificate with its key.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) key: Key,
    pub(super) certificate: Vec<u8>,
    pub(super) name: Vec<u8>,
}

/// Whom a certificate is for, in the three ways that Fulcio writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An email address.
    Email(String),
    /// A URI: a workflow, say.
    Uri(String),
    /// A user name (`otherName` of Fulcio's own type).
    UserName(String),
}

/// A certificate that Fulcio issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Whom it is for; none leaves the name out.
    pub subject: Option<Subject>,
    /// Who vouches for that, in the newer extension (1.3.6.1.4.1.57264.1.8).
    pub issuer: Option<String>,
    /// The same in the older extension (1.3.6.1.4.1.57264.1.1).
    pub legacy_issuer: Option<String>,
    /// Further extensions: object identifier, whether it is critical, and the value's DER.
    pub extensions: Vec<(String, bool, Vec<u8>)>,
    /// From when it is valid, in seconds since 1970; none is the service's clock.
    pub not_before: Option<u64>,
    /// Until when; none is ten minutes later.
    pub not_after: Option<u64>,
    /// What it is good for.
    pub usages: Vec<String>,
    /// Whether it calls itself an authority.
    pub is_authority: bool,
}

impl Leaf {
    /// A certificate as Fulcio issues it.
    pub fn new(subject: Subject, issuer: &str) -> Self {
        Self {
            subject: Some(subject),
            issuer: Some(issuer.to_owned()),
            legacy_issuer: Some(issuer.to_owned()),
            extensions: Vec::new(),
            not_before: None,
            not_after: None,
            usages: vec![CODE_SIGNING.to_owned()],
            is_authority: false,
        }
    }

    /// Adds one of Fulcio's own extensions that hold text: 12 is the source repository, for example.
    #[must_use]
    pub fn with_claim(mut self, number: u8, value: &str) -> Self {
        self.extensions.push((format!("{FULCIO}.{number}"), false, text(value)));
        self
    }
}

/// Who promises to publish a certificate.
#[derive(Debug, Clone, Copy)]
pub(super) enum Promise<'a> {
    /// The log.
    By(&'a Key),
    /// In the log's name, with another key.
    Forged(&'a Key, &'a Key),
    /// For another certificate.
    OfAnother(&'a Key),
    /// Nobody.
    None,
}

/// A root authority.
pub(super) fn root(common_name: &str, from: u64) -> Authority {
    let key = Key::generate(Curve::P384);
    let name = name(common_name);
    let body = Body {
        issuer: &name,
        subject: &name,
        spki: &key.spki(),
        validity: (from, from + 20 * YEAR),
        extensions: vec![
            extension("2.5.29.15", true, &element(0x03, &[1, 0x06])),
            extension("2.5.29.19", true, &sequence(&[element(0x01, &[0xff])])),
            key_identifier(&key.spki()),
        ],
    };
    let certificate = body.signed(&key, &[]);
    Authority { key, certificate, name }
}

impl Authority {
    /// An authority below this one, for certificates of one usage.
    pub(super) fn intermediate(&self, common_name: &str, usage: &str, from: u64) -> Self {
        let key = Key::generate(Curve::P384);
        let name = name(common_name);
        let body = Body {
            issuer: &self.name,
            subject: &name,
            spki: &key.spki(),
            validity: (from, from + 20 * YEAR),
            extensions: vec![
                extension("2.5.29.15", true, &element(0x03, &[1, 0x06])),
                extension("2.5.29.37", false, &sequence(&[oid(usage)])),
                extension("2.5.29.19", true, &sequence(&[element(0x01, &[0xff]), integer(0)])),
                key_identifier(&key.spki()),
                authority_identifier(&self.key.spki()),
            ],
        };
        let certificate = body.signed(&self.key, &[]);
        Self { key, certificate, name }
    }

    /// The certificate of a time-stamp authority, with its key.
    pub(super) fn time_stamping(&self, common_name: &str, from: u64) -> Self {
        let key = Key::generate(Curve::P256);
        let name = name(common_name);
        let body = Body {
            issuer: &self.name,
            subject: &name,
            spki: &key.spki(),
            validity: (from, from + 20 * YEAR),
            extensions: vec![
                extension("2.5.29.15", true, &element(0x03, &[7, 0x80])),
                extension("2.5.29.37", true, &sequence(&[oid(TIME_STAMPING)])),
                key_identifier(&key.spki()),
                authority_identifier(&self.key.spki()),
            ],
        };
        let certificate = body.signed(&self.key, &[]);
        Self { key, certificate, name }
    }

    /// The certificate of `leaf` for a key, with a promise of the certificate log.
    pub(super) fn issue(&self, leaf: &Leaf, spki: &[u8], promise: Promise<'_>, now: u64) -> Vec<u8> {
        let not_before = leaf.not_before.unwrap_or(now);
        let mut extensions = vec![extension("2.5.29.15", true, &element(0x03, &[7, 0x80]))];
        if !leaf.usages.is_empty() {
            let usages: Vec<Vec<u8>> = leaf.usages.iter().map(|usage| oid(usage)).collect();
            extensions.push(extension("2.5.29.37", false, &sequence(&usages)));
        }
        if leaf.is_authority {
            extensions.push(extension("2.5.29.19", true, &sequence(&[element(0x01, &[0xff])])));
        }
        extensions.push(key_identifier(spki));
        extensions.push(authority_identifier(&self.key.spki()));
        if let Some(subject) = &leaf.subject {
            let name = match subject {
                Subject::Email(address) => element(0x81, address.as_bytes()),
                Subject::Uri(uri) => element(0x86, uri.as_bytes()),
                Subject::UserName(name) => {
                    context(0, &[oid(&format!("{FULCIO}.7")), context(0, &text(name))].concat())
                }
            };
            extensions.push(extension("2.5.29.17", true, &sequence(&[name])));
        }
        if let Some(issuer) = &leaf.legacy_issuer {
            extensions.push(extension(&format!("{FULCIO}.1"), false, issuer.as_bytes()));
        }
        if let Some(issuer) = &leaf.issuer {
            extensions.push(extension(&format!("{FULCIO}.8"), false, &text(issuer)));
        }
        for (identifier, critical, value) in &leaf.extensions {
            extensions.push(extension(identifier, *critical, value));
        }
        let body = Body {
            issuer: &self.name,
            subject: &sequence(&[]),
            spki,
            validity: (not_before, leaf.not_after.unwrap_or(not_before + 600)),
            extensions,
        };
        let (log, key, other) = match promise {
            Promise::By(key) => (key, key, false),
            Promise::Forged(log, key) => (log, key, false),
            Promise::OfAnother(key) => (key, key, true),
            Promise::None => return body.signed(&self.key, &[]),
        };
        let serial = serial();
        let mut precertificate = body.to_be_signed(&serial, &self.key.algorithm(), &[]);
        if other {
            precertificate.push(0);
        }
        let promises = promises(log, key, &sha256(&self.key.spki()), &precertificate, now * 1000);
        body.signed_as(&serial, &self.key, &[extension(SCT_LIST, false, &octets(&promises))])
    }
}

const YEAR: u64 = 366 * 86_400;

/// What a certificate says, but for its number.
struct Body<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
    validity: (u64, u64),
    extensions: Vec<Vec<u8>>,
}

impl Body<'_> {
    fn signed(&self, by: &Key, more: &[Vec<u8>]) -> Vec<u8> {
        self.signed_as(&serial(), by, more)
    }

    fn signed_as(&self, serial: &[u8], by: &Key, more: &[Vec<u8>]) -> Vec<u8> {
        let body = self.to_be_signed(serial, &by.algorithm(), more);
        let signature = by.sign(&body);
        sequence(&[body, by.algorithm(), bits(&signature)])
    }

    fn to_be_signed(&self, serial: &[u8], algorithm: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
        let extensions = [self.extensions.as_slice(), more].concat();
        sequence(&[
            context(0, &integer(2)),
            unsigned(serial),
            algorithm.to_vec(),
            self.issuer.to_vec(),
            sequence(&[time(self.validity.0), time(self.validity.1)]),
            self.subject.to_vec(),
            self.spki.to_vec(),
            context(3, &sequence(&extensions)),
        ])
    }
}

/// A list of one signed certificate timestamp, over a certificate without that list.
fn promises(log: &Key, key: &Key, issuer: &[u8; 32], precertificate: &[u8], milliseconds: u64) -> Vec<u8> {
    let length = u32::try_from(precertificate.len()).unwrap_or(0).to_be_bytes();
    let mut signed = vec![0, 0];
    signed.extend(milliseconds.to_be_bytes());
    signed.extend([0, 1]);
    signed.extend(issuer);
    signed.extend(length.iter().skip(1));
    signed.extend(precertificate);
    signed.extend([0, 0]);
    let mut promise = vec![0];
    promise.extend(sha256(&log.spki()));
    promise.extend(milliseconds.to_be_bytes());
    promise.extend([0, 0, 4, 3]);
    promise.extend(prefixed(&key.sign(&signed)));
    prefixed(&prefixed(&promise))
}

/// Bytes after their length of two bytes.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes().as_slice(), bytes].concat()
}

fn extension(identifier: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![oid(identifier)];
    if critical {
        parts.push(element(0x01, &[0xff]));
    }
    parts.push(octets(value));
    sequence(&parts)
}

fn key_identifier(spki: &[u8]) -> Vec<u8> {
    extension("2.5.29.14", false, &octets(&identifier(spki)))
}

fn authority_identifier(spki: &[u8]) -> Vec<u8> {
    extension("2.5.29.35", false, &sequence(&[element(0x80, &identifier(spki))]))
}

fn identifier(spki: &[u8]) -> Vec<u8> {
    sha256(spki).into_iter().take(20).collect()
}

fn name(common_name: &str) -> Vec<u8> {
    let part = |identifier: &str, value: &str| set(&[sequence(&[oid(identifier), text(value)])]);
    sequence(&[part("2.5.4.10", "sigstore.test"), part("2.5.4.3", common_name)])
}

fn serial() -> Vec<u8> {
    let mut serial = vec![0; 16];
    // A test without random numbers gets certificates of one number, which harms nothing.
    let _ = aws_lc_rs::rand::fill(&mut serial);
    serial.insert(0, 1);
    serial
}
