//! Buffers that are used again: the first use of memory is dear, since the system hands it out page by page, zeroed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A buffer of which more was used is given back to the system.
const LONGEST: usize = 8 << 20;
/// However many threads there are, since what is kept here takes no share of the memory that files may take.
const MOST: usize = 4;

/// Buffers that nobody uses at the moment, a few at most.
#[derive(Debug)]
pub(crate) struct Spare {
    most: usize,
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Spare {
    /// Keeps a buffer for each of so many threads, within reason.
    pub(crate) fn new(threads: usize) -> Self {
        Self { most: threads.min(MOST), buffers: Mutex::default() }
    }

    /// A buffer with whatever is in it; a new one if there is none.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.buffers().pop().unwrap_or_default()
    }

    /// Keeps `buffer` for the next one, if it is worth it. What it was never filled with takes no memory.
    pub(crate) fn put(&self, buffer: Vec<u8>) {
        let mut buffers = self.buffers();
        if (1..=LONGEST).contains(&buffer.len()) && buffers.len() < self.most {
            buffers.push(buffer);
        }
    }

    fn buffers(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_buffers_that_are_not_too_long_are_kept() {
        let spare = Spare::new(2);
        for length in [0, LONGEST + 1, 10, 20, 30] {
            spare.put(vec![1; length]);
        }
        spare.put(Vec::with_capacity(10));
        assert_eq!([spare.take().len(), spare.take().len(), spare.take().len()], [20, 10, 0]);
    }
}
