//! Content digests as OCI writes them (`sha256:…`), and a reader that hashes what it hands on.

use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use sha1::Sha1;
use sha2::{Digest as _, Sha512};

pub(crate) mod hashing;
mod sha256;

use sha256::Sha256;

/// A digest algorithm that the OCI image specification registers and this library computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 64 hex digits.
    Sha256,
    /// SHA-512, 128 hex digits.
    Sha512,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// The digest of some bytes: an algorithm and lower-case hex.
///
/// ```
/// use sbom_core::digest::Digest;
/// let digest = Digest::of(b"");
/// assert_eq!(digest.to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// assert!("sha256:E3B0".parse::<Digest>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// The name of the algorithm, a colon, the digits.
    text: Box<str>,
}

impl Digest {
    /// The SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        hasher.finish()
    }

    fn new(algorithm: Algorithm, digest: &[u8]) -> Self {
        Self { algorithm, text: [algorithm.name(), ":", &hex(digest)].concat().into() }
    }

    /// As `Display` writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hex digits, without the algorithm.
    pub fn hex(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, hex)| hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text is not a digest of a known algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a digest: expected sha256: and 64, or sha512: and 128, lower-case hex digits")]
pub struct DigestError {
    /// What was read, cut to a length fit for a message.
    pub text: String,
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError { text: text.chars().take(160).collect() };
        let (name, digits) = text.split_once(':').ok_or_else(error)?;
        let (algorithm, length) = match name {
            "sha256" => (Algorithm::Sha256, 64),
            "sha512" => (Algorithm::Sha512, 128),
            _ => return Err(error()),
        };
        let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits.len() != length || !is_hex {
            return Err(error());
        }
        Ok(Self { algorithm, text: text.into() })
    }
}

/// As many bytes at once lie in main memory. Hashing takes them one after the other and waits for each; so all lines of a
/// page are asked for before it is hashed.
const FAR: usize = 4 << 20;
/// Bytes of a page.
const PAGE: usize = 4 << 10;
/// Bytes that come from memory together.
const LINE: usize = 64;

/// Computes a [`Digest`] over bytes as they come.
#[derive(Debug, Clone)]
pub struct Hasher(State);

#[derive(Debug, Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Box::new(Sha512::new())),
        })
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        if bytes.len() < FAR {
            return self.add(bytes);
        }
        for page in bytes.chunks(PAGE) {
            std::hint::black_box(page.iter().step_by(LINE).fold(0, |all, byte| all ^ byte));
            self.add(page);
        }
    }

    /// Of one that computes SHA-256, what computes it.
    fn sha256(&mut self) -> Option<&mut Sha256> {
        match &mut self.0 {
            State::Sha256(hasher) => Some(hasher),
            State::Sha512(_) => None,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes added.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hasher) => Digest::new(Algorithm::Sha256, &hasher.finish()),
            State::Sha512(hasher) => Digest::new(Algorithm::Sha512, &hasher.finalize()),
        }
    }
}

/// Hashes and counts what it hands on.
#[derive(Debug)]
pub struct DigestReader<R> {
    inner: R,
    hasher: Hasher,
    bytes: u64,
}

impl<R: Read> DigestReader<R> {
    /// Reads `inner`, hashing with `algorithm`.
    pub fn new(inner: R, algorithm: Algorithm) -> Self {
        Self { inner, hasher: Hasher::new(algorithm), bytes: 0 }
    }

    /// Bytes handed on so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest and the number of all bytes handed on.
    pub fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.bytes)
    }
}

impl<R: Read> Read for DigestReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(count as u64);
        Ok(count)
    }
}

/// The digests that documents give of a file: SPDX 2 demands SHA-1, all else relies on SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContentDigests {
    /// SHA-1, to tell files apart, not to trust them.
    pub sha1: [u8; 20],
    /// SHA-256.
    pub sha256: [u8; 32],
}

impl fmt::Debug for ContentDigests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha1:{} sha256:{}", hex(&self.sha1), hex(&self.sha256))
    }
}

/// Computes [`ContentDigests`] of what it hands on, and counts it.
pub struct ContentReader<R> {
    inner: R,
    sha1: Sha1,
    sha256: Sha256,
    bytes: u64,
}

impl<R: Read> ContentReader<R> {
    /// Reads `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, sha1: Sha1::new(), sha256: Sha256::new(), bytes: 0 }
    }

    /// Reads what is left, by way of `buffer`. Gives the digests and the number of all bytes.
    pub fn finish(mut self, buffer: &mut [u8]) -> io::Result<(ContentDigests, u64)> {
        loop {
            match self.read(buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let digests = ContentDigests { sha1: self.sha1.finalize().into(), sha256: self.sha256.finish() };
        Ok((digests, self.bytes))
    }
}

impl<R: Read> Read for ContentReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        self.bytes = self.bytes.saturating_add(count as u64);
        Ok(count)
    }
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> Box<str> {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    let mut hex = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        hex.push(digit(byte >> 4));
        hex.push(digit(byte & 15));
    }
    hex.into()
}

/// Exactly `2 * N` hexadecimal digits as bytes.
pub(crate) fn unhex<const N: usize>(hex: &[u8]) -> Option<[u8; N]> {
    if hex.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        for &digit in pair {
            let value = char::from(digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_parsed_only_in_its_canonical_form() {
        let text = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        for bad in [
            "",
            "sha256:",
            "sha256:0A",
            "md5:0a",
            &text.to_uppercase(),
            &format!("{text}0"),
            "sha256:../../etc",
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn much_at_once_has_the_digest_of_its_pieces() {
        let bytes: Vec<u8> = (0..=250).cycle().take(FAR + PAGE + 1).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let (mut at_once, mut by_pieces) = (Hasher::new(algorithm), Hasher::new(algorithm));
            at_once.update(&bytes);
            bytes.chunks(1000).for_each(|piece| by_pieces.update(piece));
            assert_eq!(at_once.finish(), by_pieces.finish());
        }
    }

    #[test]
    fn a_digest_reader_hashes_what_it_hands_on() {
        let mut reader = DigestReader::new(&b"hello"[..], Algorithm::Sha256);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        assert_eq!(reader.finish(), (Digest::of(b"hello"), 5));
    }

    #[test]
    fn a_content_reader_hashes_what_was_read_and_what_is_left() {
        let mut reader = ContentReader::new(&b"abc"[..]);
        assert_eq!(reader.read(&mut [0; 2]).unwrap(), 2);
        let (digests, bytes) = reader.finish(&mut [0; 1]).unwrap();
        assert_eq!(bytes, 3);
        assert_eq!(
            format!("{digests:?}"),
            "sha1:a9993e364706816aba3e25717850c26c9cd0d89d \
             sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn sha512_is_computed() {
        let mut hasher = Hasher::new(Algorithm::Sha512);
        hasher.update(b"");
        assert!(hasher.finish().to_string().starts_with("sha512:cf83e1357eefb8bd"));
    }
}
