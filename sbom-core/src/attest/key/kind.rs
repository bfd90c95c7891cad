//! Which algorithm a structure says that its key is of.
//!
//! Sources: RFC 5480 (elliptic curves by name), RFC 8410 (Ed25519), RFC 3279 (RSA).

use super::{
    KeyError,
    der::{DerError, NULL, OBJECT_IDENTIFIER, Reader, SEQUENCE, write},
};

/// 1.2.840.10045.2.1, `id-ecPublicKey`.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, `secp256r1`.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34, `secp384r1`.
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.132.0.35, `secp521r1`.
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// 1.3.101.112, `id-Ed25519`.
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.2.840.113549.1.1.1, `rsaEncryption`.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Algorithms that people may come with, by name.
const OTHERS: [(&[u8], &str); 6] = [
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a],
        "RSASSA-PSS alone (a plain RSA key verifies more)",
    ),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "DSA"),
    (&[0x2b, 0x65, 0x6e], "X25519, which does not sign"),
    (&[0x2b, 0x65, 0x6f], "X448, which does not sign"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x0d], "ECDH alone"),
];

/// A curve that is used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Bytes of a coordinate, and of each half of a signature.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The curve of an encoded `OBJECT IDENTIFIER`, the only form of parameters that is read.
    pub(crate) fn of_parameters(parameters: &mut Reader<'_>) -> Result<Self, KeyError> {
        let oid = parameters.value(OBJECT_IDENTIFIER).map_err(|_not_named| KeyError::Curve)?;
        match oid.rest() {
            P256 => Ok(Self::P256),
            P384 => Ok(Self::P384),
            P521 => Ok(Self::P521),
            _ => Err(KeyError::Curve),
        }
    }

    fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => P256,
            Self::P384 => P384,
            Self::P521 => P521,
        }
    }
}

/// What an `AlgorithmIdentifier` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ec(Curve),
    Ed25519,
    Rsa,
}

impl Kind {
    /// The next value, which must be an `AlgorithmIdentifier`; `what` is the whole that it is in.
    pub(crate) fn read(reader: &mut Reader<'_>, what: &'static str) -> Result<Self, KeyError> {
        let der = |source: DerError| KeyError::Der { what, source };
        let mut identifier = reader.value(SEQUENCE).map_err(der)?;
        let oid = identifier.value(OBJECT_IDENTIFIER).map_err(der)?.rest();
        let kind = match oid {
            EC => Self::Ec(Curve::of_parameters(&mut identifier)?),
            ED25519 => Self::Ed25519,
            RSA => {
                identifier.value(NULL).and_then(Reader::finish).map_err(der)?;
                Self::Rsa
            }
            other => return Err(KeyError::Algorithm { algorithm: name(other) }),
        };
        identifier.finish().map_err(der)?;
        Ok(kind)
    }

    /// The `AlgorithmIdentifier`.
    pub(crate) fn write(self) -> Option<Vec<u8>> {
        let oid = |bytes| write(OBJECT_IDENTIFIER, &[bytes]);
        match self {
            Self::Ec(curve) => write(SEQUENCE, &[&oid(EC)?, &oid(curve.oid())?]),
            Self::Ed25519 => write(SEQUENCE, &[&oid(ED25519)?]),
            Self::Rsa => write(SEQUENCE, &[&oid(RSA)?, &write(NULL, &[])?]),
        }
    }
}

fn name(oid: &[u8]) -> String {
    let known = OTHERS.iter().find(|(other, _)| *other == oid);
    known.map_or_else(|| dotted(oid), |(_, name)| (*name).to_owned())
}

/// An object identifier as people write it, as far as its first numbers go.
fn dotted(oid: &[u8]) -> String {
    const SHOWN: usize = 16;
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0_u64;
    for byte in oid {
        number = number.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
        if byte & 0x80 != 0 {
            continue;
        }
        if numbers.is_empty() {
            // The first two numbers share a place: 40 times the first, which is at most 2, and the second.
            let first = (number / 40).min(2);
            numbers.push(first);
            number -= 40 * first;
        }
        numbers.push(number);
        number = 0;
        if numbers.len() >= SHOWN {
            break;
        }
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_as_they_are_written() {
        for kind in
            [Kind::Ec(Curve::P256), Kind::Ec(Curve::P384), Kind::Ec(Curve::P521), Kind::Ed25519, Kind::Rsa]
        {
            let bytes = kind.write().unwrap();
            assert_eq!(Kind::read(&mut Reader::new(&bytes), "test").unwrap(), kind);
        }
    }

    #[test]
    fn other_algorithms_are_called_by_their_name_or_number() {
        for (oid, shown) in [
            (&[0x2b, 0x65, 0x71][..], "Ed448"),
            (&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d], "1.2.156.10197.1.301"),
            (&[0x88, 0x37], "2.999"),
        ] {
            let identifier = write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[oid]).unwrap()]).unwrap();
            let error = Kind::read(&mut Reader::new(&identifier), "test").unwrap_err();
            assert!(matches!(&error, KeyError::Algorithm { algorithm } if algorithm == shown), "{error}");
        }
    }

    #[test]
    fn parameters_that_do_not_belong_there_are_refused() {
        let null = write(NULL, &[]).unwrap();
        let oid = |bytes| write(OBJECT_IDENTIFIER, &[bytes]).unwrap();
        for bad in [
            write(SEQUENCE, &[&oid(ED25519), &null]),
            write(SEQUENCE, &[&oid(RSA)]),
            write(SEQUENCE, &[&oid(RSA), &null, &null]),
            write(SEQUENCE, &[&oid(EC), &oid(P256), &null]),
        ] {
            let bad = bad.unwrap();
            assert!(
                matches!(Kind::read(&mut Reader::new(&bad), "test"), Err(KeyError::Der { .. })),
                "{bad:?}"
            );
        }
        for bad in [
            write(SEQUENCE, &[&oid(EC)]),
            write(SEQUENCE, &[&oid(EC), &oid(&[0x2b, 0x81, 0x04, 0x00, 0x0a])]),
        ] {
            assert!(matches!(Kind::read(&mut Reader::new(&bad.unwrap()), "test"), Err(KeyError::Curve)));
        }
    }
}
