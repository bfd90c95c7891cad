//! SHA-256 whose blocks may be hashed elsewhere. Source: FIPS 180-4.

use sha2::block_api::compress256;

/// Bytes of a block.
const BLOCK: usize = 64;

/// Computes SHA-256 over bytes as they come.
#[derive(Debug, Clone)]
pub(super) struct Sha256 {
    state: [u32; 8],
    /// The beginning of a block.
    begun: [u8; BLOCK],
    /// Bytes added so far; what is over whole blocks lies in `begun`.
    length: u64,
}

impl Sha256 {
    /// Of no bytes.
    pub(super) fn new() -> Self {
        let state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        Self { state, begun: [0; BLOCK], length: 0 }
    }

    /// Adds `bytes`.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let bytes = self.complete(bytes);
        let (blocks, rest) = bytes.as_chunks();
        compress256(&mut self.state, blocks);
        self.length = self.length.wrapping_add(blocks.as_flattened().len() as u64);
        self.begin(rest);
    }

    /// The digest of all that was added.
    pub(super) fn finish(mut self) -> [u8; 32] {
        /// Bytes of the length at the end of the last block.
        const LENGTH: usize = 8;
        let bits = self.length.wrapping_mul(8).to_be_bytes();
        let padding = [0x80_u8].into_iter().chain(std::iter::repeat(0));
        let used = self.used();
        let blocks = if used < BLOCK - LENGTH { 1 } else { 2 };
        let mut last = [[0; BLOCK]; 2];
        let begun = self.begun.iter().copied().take(used);
        let bytes = begun.chain(padding).take(blocks * BLOCK - LENGTH).chain(bits);
        for (place, byte) in last.as_flattened_mut().iter_mut().zip(bytes) {
            *place = byte;
        }
        compress256(&mut self.state, last.get(..blocks).unwrap_or_default());
        let mut digest = [0; 32];
        for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *place = word.to_be_bytes();
        }
        digest
    }

    /// Adds of `bytes` what a block that was begun lacks; gives the rest.
    pub(super) fn complete<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let used = self.used();
        if used == 0 {
            return bytes;
        }
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK - used));
        self.begin(first);
        if self.used() == 0 {
            compress256(&mut self.state, std::slice::from_ref(&self.begun));
        }
        rest
    }

    /// Between blocks: the hash value so far.
    pub(super) fn state(&self) -> [u32; 8] {
        self.state
    }

    /// Between blocks: takes note that so many more were hashed elsewhere, which gave `state`.
    pub(super) fn hashed(&mut self, blocks: usize, state: [u32; 8]) {
        self.length = self.length.wrapping_add((blocks * BLOCK) as u64);
        self.state = state;
    }

    /// Adds bytes that at most complete a block, which is not hashed.
    fn begin(&mut self, bytes: &[u8]) {
        let used = self.used();
        for (place, byte) in self.begun.iter_mut().skip(used).zip(bytes) {
            *place = *byte;
        }
        self.length = self.length.wrapping_add(bytes.len() as u64);
    }

    /// Bytes of `begun`.
    fn used(&self) -> usize {
        usize::try_from(self.length % BLOCK as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;

    use super::*;

    #[test]
    fn it_is_the_digest_of_the_bytes_however_they_come() {
        let bytes: Vec<u8> = (0..400_u32).flat_map(|n| (n * 97).to_le_bytes()).collect();
        for length in (0..260).chain([1000, 1024, 1599, 1600]) {
            let bytes = &bytes[..length];
            let expected: [u8; 32] = sha2::Sha256::digest(bytes).into();
            for piece in [1, 3, 63, 64, 65, 128, 1600] {
                let mut hasher = Sha256::new();
                for piece in bytes.chunks(piece) {
                    hasher.update(piece);
                }
                assert_eq!(hasher.finish(), expected, "{length} {piece}");
                let mut hasher = Sha256::new();
                for piece in bytes.chunks(piece) {
                    let (blocks, rest) = hasher.complete(piece).as_chunks();
                    let mut state = hasher.state();
                    compress256(&mut state, blocks);
                    hasher.hashed(blocks.len(), state);
                    hasher.update(rest);
                }
                assert_eq!(hasher.finish(), expected, "{length} {piece} elsewhere");
            }
        }
    }
}
