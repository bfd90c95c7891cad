//! What streams are followed by, so that damage is found. Sources: RFC 1950, section 8; RFC 1952, section 8.

/// A checksum of all that was inflated of a stream.
#[derive(Debug)]
pub(crate) enum Checksum {
    Crc32(crc32fast::Hasher),
    Adler32(Adler32),
}

impl Checksum {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Adler32(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(&self) -> u32 {
        match self {
            Self::Crc32(hasher) => hasher.clone().finalize(),
            Self::Adler32(Adler32 { a, b }) => b << 16 | a,
        }
    }
}

/// Two sums modulo the largest prime below 2^16.
#[derive(Debug)]
pub(crate) struct Adler32 {
    a: u32,
    b: u32,
}

impl Adler32 {
    pub(crate) fn new() -> Self {
        Self { a: 1, b: 0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        const PRIME: u32 = 65521;
        /// Bytes whose sums are less than 2^32, whatever they are.
        const AT_ONCE: usize = 5552;
        for bytes in bytes.chunks(AT_ONCE) {
            for byte in bytes {
                self.a += u32::from(*byte);
                self.b += self.a;
            }
            self.a %= PRIME;
            self.b %= PRIME;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_overflow() {
        let mut checksum = Checksum::Adler32(Adler32::new());
        (0..3).for_each(|_| checksum.update(&[255; 9_001]));
        let (mut a, mut b) = (1_u64, 0_u64);
        for _ in 0..27_003 {
            a = (a + 255) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!(u64::from(checksum.finish()), b << 16 | a);
    }
}
