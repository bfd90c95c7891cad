//! An entry as it lies in the folder: what it is, whose, how long, and a digest over all of it.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `sbomctlL` |
//! | 4 | version of the format, little-endian |
//! | 32 | the key |
//! | … | the body |
//! | 8 | length of the body, little-endian |
//! | 32 | SHA-256 of all before it |
//!
//! The length comes last, so that a body may be written before all of it is known.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::key::Key;

/// The version of this format and of what the body holds.
pub(super) const FORMAT: u32 = 5;
const MAGIC: [u8; 8] = *b"sbomctlL";
const LENGTH_BYTES: usize = 8;
const DIGEST_BYTES: usize = 32;

/// Bytes of an entry beside its body.
pub(super) const FRAME_BYTES: u64 = 84;

/// Why an entry is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    /// It ends too early, or not where it says.
    #[error("its length is not what it says")]
    Length,
    /// It is something else.
    #[error("it is no entry of this version")]
    Foreign,
    /// It belongs elsewhere.
    #[error("it was stored for something else")]
    Key,
    /// Bytes of it changed.
    #[error("its bytes do not hash to what it says")]
    Digest,
    /// Its body cannot be read.
    #[error(transparent)]
    Body(#[from] super::codec::Malformed),
}

/// Seals the body of an entry as it comes.
#[derive(Debug)]
pub(super) struct Seal {
    hasher: Sha256,
    length: u64,
}

impl Seal {
    /// For an entry of `key`, and what comes before its body.
    pub(super) fn new(key: &Key) -> (Self, Vec<u8>) {
        let head = [&MAGIC[..], &FORMAT.to_le_bytes(), key.as_bytes()].concat();
        (Self { hasher: Sha256::new_with_prefix(&head), length: 0 }, head)
    }

    /// Adds to the body.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.length = self.length.saturating_add(bytes.len() as u64);
    }

    /// What comes after the body.
    pub(super) fn finish(self) -> Vec<u8> {
        let length = self.length.to_le_bytes();
        let digest = self.hasher.chain_update(length).finalize();
        [&length[..], &digest].concat()
    }
}

/// Where the body lies in an entry that was stored for `key` and is whole.
pub(super) fn open(key: &Key, entry: &[u8]) -> Result<Range<usize>, Damage> {
    let (sealed, digest) = entry.split_last_chunk::<DIGEST_BYTES>().ok_or(Damage::Length)?;
    let (magic, rest) = sealed.split_first_chunk().ok_or(Damage::Length)?;
    let (format, rest) = rest.split_first_chunk().ok_or(Damage::Length)?;
    if *magic != MAGIC || u32::from_le_bytes(*format) != FORMAT {
        return Err(Damage::Foreign);
    }
    let (of, rest) = rest.split_first_chunk::<32>().ok_or(Damage::Length)?;
    if of != key.as_bytes() {
        return Err(Damage::Key);
    }
    let (body, length) = rest.split_last_chunk::<LENGTH_BYTES>().ok_or(Damage::Length)?;
    if u64::from_le_bytes(*length) != body.len() as u64 {
        return Err(Damage::Length);
    }
    if Sha256::digest(sealed).as_slice() != digest {
        return Err(Damage::Digest);
    }
    let end = sealed.len() - LENGTH_BYTES;
    Ok(end - body.len()..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::new([7; 32]);

    fn sealed(key: &Key, body: &[u8]) -> Vec<u8> {
        let (mut seal, head) = Seal::new(key);
        body.chunks(2).for_each(|part| seal.add(part));
        [&head, body, &seal.finish()].concat()
    }

    #[test]
    fn a_sealed_body_is_found_again() {
        for body in [&b""[..], b"a", &[0; 5000]] {
            let entry = sealed(&KEY, body);
            assert_eq!(&entry[open(&KEY, &entry).unwrap()], body);
            assert_eq!(entry.len() as u64, body.len() as u64 + FRAME_BYTES);
        }
    }

    #[test]
    fn every_bit_counts() {
        let entry = sealed(&KEY, b"some body");
        for bit in 0..entry.len() * 8 {
            let mut damaged = entry.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&KEY, &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_entry_that_is_cut_or_goes_on_is_damaged() {
        let entry = sealed(&KEY, b"some body");
        for length in 0..entry.len() {
            assert!(open(&KEY, &entry[..length]).is_err(), "{length}");
        }
        for more in [&b"x"[..], &[0; 32], &entry] {
            assert!(open(&KEY, &[&entry[..], more].concat()).is_err());
        }
    }

    #[test]
    fn the_entry_of_another_key_is_refused() {
        let entry = sealed(&Key::new([8; 32]), b"some body");
        assert_eq!(open(&KEY, &entry), Err(Damage::Key));
    }

    #[test]
    fn an_entry_of_another_format_is_refused_whatever_its_digest() {
        let mut entry = sealed(&KEY, b"some body");
        entry[8] += 1;
        entry.truncate(entry.len() - DIGEST_BYTES);
        let digest = Sha256::digest(&entry);
        entry.extend_from_slice(&digest);
        assert_eq!(open(&KEY, &entry), Err(Damage::Foreign));
    }
}
