//! The digests in apk's database: `Q1` or `Q2` and base64, or plain hex.

use crate::digest::{hex, unhex};

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checksum {
    /// MD5, as apk-tools 1 wrote it.
    Md5([u8; 16]),
    /// SHA-1, `Q1…`.
    Sha1([u8; 20]),
    /// SHA-256, `Q2…`.
    Sha256([u8; 32]),
    /// The first 160 bits of a SHA-256, `Q2…`, by which apk-tools 3 identifies packages.
    Sha256Prefix([u8; 20]),
}

impl Checksum {
    /// Reads a digest; none if it is of no known form.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text.split_at_checked(2)? {
            (b"Q1", encoded) => decode(encoded)?.try_into().ok().map(Self::Sha1),
            (b"Q2", encoded) => {
                let bytes = decode(encoded)?;
                let prefix = bytes.as_slice().try_into().ok().map(Self::Sha256Prefix);
                prefix.or_else(|| bytes.try_into().ok().map(Self::Sha256))
            }
            _ => (unhex(text).map(Self::Md5))
                .or_else(|| unhex(text).map(Self::Sha1))
                .or_else(|| unhex(text).map(Self::Sha256)),
        }
    }

    /// The digest in lower-case hex with the name of its algorithm: `sha1:…`.
    pub fn to_text(&self) -> String {
        let (name, digest) = match self {
            Self::Md5(digest) => ("md5", &digest[..]),
            Self::Sha1(digest) => ("sha1", &digest[..]),
            Self::Sha256(digest) => ("sha256", &digest[..]),
            Self::Sha256Prefix(digest) => ("sha256-160", &digest[..]),
        };
        format!("{name}:{}", hex(digest))
    }
}

/// Base64 with the standard alphabet (RFC 4648, section 4), padding optional.
fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(32);
    let mut bits = 0_u32;
    let mut count = 0;
    let end = encoded.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    for &byte in encoded.get(..end)? {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        // Only the bits of one unfinished byte are carried on.
        bits = (bits << 6 | u32::from(value)) & 0x3fff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(
            Checksum::parse(text.as_bytes()).map(|found| found.to_text()).as_deref(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn digests_come_out_in_hex() {
        check("Q1myMNfd7u5v5UTgNHeq1e31qTjZU=", Some("sha1:9b230d7ddeeee6fe544e03477aad5edf5a938d95"));
        check(
            "Q247DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            Some("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        );
        check("Q2myMNfd7u5v5UTgNHeq1e31qTjZU=", Some("sha256-160:9b230d7ddeeee6fe544e03477aad5edf5a938d95"));
        check("D41D8CD98F00B204E9800998ECF8427E", Some("md5:d41d8cd98f00b204e9800998ecf8427e"));
    }

    #[test]
    fn other_forms_are_none() {
        for text in [
            "",
            "Q",
            "Q1",
            "Q1=",
            "Q1myMN",
            "Q1my*Nfd7u5v5UTgNHeq1e31qTjZU=",
            "xyz",
            "d41d8",
            "Q3myMNfd7u5v5UTgNHeq1e31qTjZU=",
        ] {
            check(text, None);
        }
    }
}
