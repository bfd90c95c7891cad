//! Buffers that are used again: the first use of memory is dear, since the system hands it out page by page, zeroed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of all buffers that are kept, however many threads there are: they take no share of the memory that files may
/// take.
const MOST: usize = 16 << 20;

/// A buffer, and how many bytes of it were ever written to: what was not takes no memory, whatever its capacity.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) touched: usize,
}

/// Buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Vec<Buffer>>);

impl Spare {
    /// A buffer with whatever is in it; a new one if there is none.
    pub(crate) fn take(&self) -> Buffer {
        self.buffers().pop().unwrap_or_default()
    }

    /// Keeps `buffer` for the next one, if it is worth it.
    pub(crate) fn put(&self, buffer: Buffer) {
        let mut buffers = self.buffers();
        let kept: usize = buffers.iter().map(|buffer| buffer.touched).sum();
        if buffer.touched > 0 && buffer.touched <= MOST.saturating_sub(kept) {
            buffers.push(buffer);
            buffers.sort_by_key(|buffer| buffer.touched);
        }
    }

    /// Gives all of them back to the system.
    pub(crate) fn give_back(&self) {
        self.buffers().clear();
    }

    fn buffers(&self) -> MutexGuard<'_, Vec<Buffer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_buffers_are_kept_and_the_longest_is_used_first() {
        let spare = Spare::default();
        for touched in [0, MOST + 1, 10, MOST - 30, 20, 1] {
            spare.put(Buffer { bytes: Vec::new(), touched });
        }
        let taken: Vec<usize> = (0..4).map(|_| spare.take().touched).collect();
        assert_eq!(taken, [MOST - 30, 20, 10, 0]);
        spare.put(Buffer { bytes: Vec::new(), touched: MOST });
        spare.give_back();
        assert_eq!(spare.take().touched, 0);
    }
}
