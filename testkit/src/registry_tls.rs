//! TLS for the loopback registry: an authority and a certificate made for each registry, whose keys are nowhere kept.
//!
//! Source: RFC 5280 (certificates), RFC 5480 (keys on P-256), X.690 (DER).

use std::{io, net::TcpStream, sync::Arc};

use aws_lc_rs::{
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;
const INTEGER: u8 = 0x02;
const BOOLEAN: u8 = 0x01;
const TEXT: u8 = 0x0c;
const TIME: u8 = 0x18;
const YEAR_2020: &[u8] = b"200101000000Z";
const YEAR_2120: &[u8] = b"21200101000000Z";

/// `ecdsa-with-SHA256`.
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `id-ecPublicKey`.
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `prime256v1`.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `id-ce-basicConstraints`.
const CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// `id-ce-subjectAltName`.
const NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// An authority, and what a server needs to present a certificate of it.
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

impl Authority {
    /// An authority made now, with one certificate, for `127.0.0.1` and `localhost`.
    pub(crate) fn new() -> io::Result<Self> {
        let (authority, _) = key()?;
        let (server, pkcs8) = key()?;
        let constraints = node(SEQUENCE, &[&node(BOOLEAN, &[&[0xff]])]);
        let root =
            certificate("root", &authority, "root", &authority, &extension(CONSTRAINTS, &constraints))?;
        // Context tags 2 and 7 of GeneralName: a host name and an address.
        let names = node(SEQUENCE, &[&node(0x82, &[b"localhost"]), &node(0x87, &[&[127, 0, 0, 1]])]);
        let leaf = certificate("root", &authority, "server", &server, &extension(NAMES, &names))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from(leaf)];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(chain, PrivatePkcs8KeyDer::from(pkcs8).into())
            })
            .map_err(io::Error::other)?;
        Ok(Self { pem: pem(&root), server: Arc::new(config) })
    }
}

/// Shakes hands with a client.
pub(crate) fn accept(
    config: Arc<ServerConfig>,
    mut stream: TcpStream,
) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    connection.complete_io(&mut stream)?;
    Ok(StreamOwned::new(connection, stream))
}

fn key() -> io::Result<(EcdsaKeyPair, Vec<u8>)> {
    let failed = |error: Unspecified| io::Error::other(error.to_string());
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).map_err(failed)?;
    let rejected = |error: KeyRejected| io::Error::other(error.to_string());
    let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).map_err(rejected)?;
    Ok((key, pkcs8.as_ref().to_vec()))
}

fn certificate(
    issuer: &str,
    issuer_key: &EcdsaKeyPair,
    subject: &str,
    key: &EcdsaKeyPair,
    extension: &[u8],
) -> io::Result<Vec<u8>> {
    let algorithm = node(SEQUENCE, &[&node(OBJECT, &[ECDSA_SHA256])]);
    // RFC 5280: UTCTime up to 2049, GeneralizedTime after it.
    let validity = node(SEQUENCE, &[&node(0x17, &[YEAR_2020]), &node(TIME, &[YEAR_2120])]);
    let kind = node(SEQUENCE, &[&node(OBJECT, &[EC_KEY]), &node(OBJECT, &[P256])]);
    let public = node(SEQUENCE, &[&kind, &node(BITS, &[&[0], key.public_key().as_ref()])]);
    let version = node(0xa0, &[&node(INTEGER, &[&[2]])]);
    let extensions = node(0xa3, &[&node(SEQUENCE, &[extension])]);
    let signed = node(
        SEQUENCE,
        &[
            &version,
            &node(INTEGER, &[&[1]]),
            &algorithm,
            &name(issuer),
            &validity,
            &name(subject),
            &public,
            &extensions,
        ],
    );
    let signature = issuer_key.sign(&SystemRandom::new(), &signed);
    let signature = signature.map_err(|error: Unspecified| io::Error::other(error.to_string()))?;
    Ok(node(SEQUENCE, &[&signed, &algorithm, &node(BITS, &[&[0], signature.as_ref()])]))
}

fn name(common: &str) -> Vec<u8> {
    let attribute = node(SEQUENCE, &[&node(OBJECT, &[COMMON_NAME]), &node(TEXT, &[common.as_bytes()])]);
    node(SEQUENCE, &[&node(SET, &[&attribute])])
}

fn extension(object: &[u8], value: &[u8]) -> Vec<u8> {
    node(SEQUENCE, &[&node(OBJECT, &[object]), &node(BOOLEAN, &[&[0xff]]), &node(OCTETS, &[value])])
}

/// A value of DER: tag, length, content.
fn node(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let mut bytes = vec![tag];
    match (high, low) {
        (0, 0..=0x7f) => bytes.push(low),
        (0, _) => bytes.extend([0x81, low]),
        _ => bytes.extend([0x82, high, low]),
    }
    bytes.extend(content);
    bytes
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8 * (3 - group.len()));
            for position in 0..4 {
                let digit = DIGITS.get((bits >> (18 - 6 * position) & 63) as usize).copied();
                text.push(if position > group.len() { '=' } else { char::from(digit.unwrap_or(b'=')) });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}
