//! Buffers that are used again: the first use of memory is dear, since the system hands it out page by page, zeroed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of all buffers that are kept, however many threads there are, such as the ends of two large executables. They
/// take no share of the memory that files may take.
const MOST: usize = 32 << 20;

/// A buffer, and how many bytes of it were ever written to: what was not takes no memory, whatever its capacity.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) touched: usize,
}

/// Buffers of which no more than one for each thread is kept, be it in use or not.
#[derive(Debug)]
pub(crate) struct Spare {
    threads: usize,
    buffers: Mutex<Buffers>,
}

#[derive(Debug, Default)]
struct Buffers {
    /// Those that nobody uses at the moment, by what was touched of them.
    spare: Vec<Buffer>,
    in_use: usize,
}

impl Spare {
    /// None yet.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, buffers: Mutex::default() }
    }

    /// A buffer with whatever is in it; a new one if there is none. It is to be [put back](Self::put).
    pub(crate) fn take(&self) -> Buffer {
        let mut buffers = self.buffers();
        buffers.in_use = buffers.in_use.saturating_add(1);
        buffers.spare.pop().unwrap_or_default()
    }

    /// Keeps `buffer`, or what there is in its place, for the next one; or lets the one go that is the least worth.
    pub(crate) fn put(&self, buffer: Buffer) {
        let mut buffers = self.buffers();
        let Buffers { spare, in_use } = &mut *buffers;
        *in_use = in_use.saturating_sub(1);
        let kept: usize = spare.iter().map(|buffer| buffer.touched).sum();
        if buffer.touched > 0 && buffer.touched <= MOST.saturating_sub(kept) {
            spare.push(buffer);
            spare.sort_by_key(|buffer| buffer.touched);
        }
        let excess = spare.len().saturating_add(*in_use).saturating_sub(self.threads);
        spare.drain(..excess.min(spare.len()));
    }

    /// Gives all that are spare back to the system.
    pub(crate) fn give_back(&self) {
        self.buffers().spare.clear();
    }

    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(spare: &Spare, touched: usize) {
        spare.put(Buffer { bytes: Vec::new(), touched });
    }

    #[test]
    fn a_few_buffers_are_kept_and_the_longest_is_used_first() {
        let spare = Spare::new(9);
        for touched in [0, MOST + 1, 10, MOST - 30, 20, 1] {
            put(&spare, touched);
        }
        let taken: Vec<usize> = (0..4).map(|_| spare.take().touched).collect();
        assert_eq!(taken, [MOST - 30, 20, 10, 0]);
        put(&spare, MOST);
        spare.give_back();
        assert_eq!(spare.take().touched, 0);
    }

    #[test]
    fn there_are_no_more_buffers_than_threads() {
        let spare = Spare::new(2);
        assert_eq!((spare.take().touched, spare.take().touched), (0, 0));
        put(&spare, 10);
        put(&spare, 20);
        assert_eq!(spare.take().touched, 20);
        // One that was lost is replaced by a longer one, and of three the shortest is let go.
        put(&spare, 0);
        assert_eq!(spare.take().touched, 10);
        put(&spare, 30);
        put(&spare, 5);
        put(&spare, 7);
        assert_eq!([(); 3].map(|()| spare.take().touched), [30, 7, 0]);
    }
}
