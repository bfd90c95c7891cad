//! A time-stamp authority.
//!
//! Sources: RFC 3161, RFC 5652 (signed data), RFC 5816 (`signingCertificateV2`).

use super::{
    certificate::Authority,
    der::{context, element, generalized, integer, octets, oid, read, sequence, set, sorted, time, unsigned},
    sha256,
};

const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
const POLICY: &str = "1.3.6.1.4.1.57264.2";

/// What a client asks to be stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// `MessageImprint`, whole.
    imprint: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl Query {
    /// The query for the SHA-256 of `message`.
    pub(super) fn of(message: &[u8]) -> Self {
        let algorithm = sequence(&[oid(SHA256)]);
        Self { imprint: sequence(&[algorithm, octets(&sha256(message))]), nonce: None }
    }

    /// A `TimeStampReq`.
    pub(super) fn read(request: &[u8]) -> Option<Self> {
        let (0x30, request, _) = read(request)? else { return None };
        let (0x02, _version, rest) = read(request)? else { return None };
        let (0x30, imprint, mut rest) = read(rest)? else { return None };
        let mut nonce = None;
        while let Some((tag, content, next)) = read(rest) {
            if tag == 0x02 {
                nonce = Some(content.to_vec());
            }
            rest = next;
        }
        Some(Self { imprint: element(0x30, imprint), nonce })
    }
}

/// A `TimeStampResp` of `authority`, of which the certificate lies in it.
pub(super) fn stamp(authority: &Authority, query: &Query, at: u64) -> Vec<u8> {
    let mut info = vec![
        integer(1),
        oid(POLICY),
        query.imprint.clone(),
        integer(at),
        generalized(at),
        sequence(&[integer(1)]),
    ];
    info.extend(query.nonce.as_ref().map(|nonce| element(0x02, nonce)));
    let info = sequence(&info);
    let digest = sequence(&[oid(SHA256)]);
    let attributes = [
        attribute("1.2.840.113549.1.9.3", &oid(TST_INFO)),
        attribute("1.2.840.113549.1.9.5", &time(at)),
        attribute("1.2.840.113549.1.9.4", &octets(&sha256(&info))),
        attribute(
            "1.2.840.113549.1.9.16.2.47",
            &sequence(&[sequence(&[sequence(&[octets(&sha256(&authority.certificate))])])]),
        ),
    ];
    let signature = authority.key.sign(&set(&attributes));
    let (issuer, serial) = issuer_and_serial(&authority.certificate).unwrap_or_default();
    let signer = sequence(&[
        integer(1),
        sequence(&[issuer, serial]),
        digest.clone(),
        context(0, &sorted(&attributes)),
        authority.key.algorithm(),
        octets(&signature),
    ]);
    let content = sequence(&[
        integer(3),
        set(&[digest]),
        sequence(&[oid(TST_INFO), context(0, &octets(&info))]),
        context(0, &authority.certificate),
        set(&[signer]),
    ]);
    let token = sequence(&[oid(SIGNED_DATA), context(0, &content)]);
    sequence(&[sequence(&[integer(0)]), token])
}

fn attribute(identifier: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[oid(identifier), set(&[value.to_vec()])])
}

/// Both whole elements.
fn issuer_and_serial(certificate: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, certificate, _) = read(certificate)?;
    let (_, body, _) = read(certificate)?;
    let (_, _version, rest) = read(body)?;
    let (_, serial, rest) = read(rest)?;
    let (_, _algorithm, rest) = read(rest)?;
    let (_, issuer, _) = read(rest)?;
    Some((element(0x30, issuer), unsigned(serial)))
}
