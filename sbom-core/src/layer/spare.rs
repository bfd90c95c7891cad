//! Buffers that are used again: the first use of memory is dear, since the system hands it out page by page, zeroed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of all buffers that are kept, however many threads there are, such as the ends of two large executables. They
/// take no share of the memory that files may take.
const MOST: usize = 32 << 20;

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

/// A buffer, and how many bytes of it were ever written to: what was not takes no memory, whatever its capacity.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    touched: usize,
}

/// A buffer in use. What is in it when this is dropped is used again; whoever needs the buffer itself takes it out and, unless
/// it is lost, puts it back.
#[derive(Debug)]
pub(crate) struct Taken<'s> {
    spare: &'s Spare,
    touched: usize,
    /// Whatever is in it.
    pub(crate) bytes: Vec<u8>,
}

impl Spare {
    /// None yet.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, buffers: Mutex::default() }
    }

    /// The longest buffer that is spare; a new one if there is none.
    pub(crate) fn take(&self) -> Taken<'_> {
        let mut buffers = self.buffers();
        buffers.in_use = buffers.in_use.saturating_add(1);
        let Buffer { bytes, touched } = buffers.spare.pop().unwrap_or_default();
        Taken { spare: self, touched, bytes }
    }

    /// Gives all that are spare back to the system.
    pub(crate) fn give_back(&self) {
        self.buffers().spare.clear();
    }

    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let touched = if bytes.capacity() == 0 { 0 } else { self.touched.max(bytes.len()) };
        let mut buffers = self.spare.buffers();
        let Buffers { spare, in_use } = &mut *buffers;
        *in_use = in_use.saturating_sub(1);
        let kept: usize = spare.iter().map(|buffer| buffer.touched).sum();
        if touched > 0 && touched <= MOST.saturating_sub(kept) {
            spare.push(Buffer { bytes, touched });
            spare.sort_by_key(|buffer| buffer.touched);
        }
        let excess = spare.len().saturating_add(*in_use).saturating_sub(self.spare.threads);
        spare.drain(..excess.min(spare.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as many buffers as there are lengths, and gives back some of these lengths.
    fn use_all(spare: &Spare, lengths: &[usize]) {
        let taken: Vec<Taken<'_>> = lengths.iter().map(|_| spare.take()).collect();
        for (mut taken, length) in taken.into_iter().zip(lengths) {
            // Zeroed when they are asked for, so that none is touched.
            taken.bytes = vec![0; *length];
            taken.touched = *length;
            drop(taken);
        }
    }

    fn spare_lengths(spare: &Spare) -> Vec<usize> {
        spare.buffers().spare.iter().map(|buffer| buffer.touched).collect()
    }

    #[test]
    fn a_few_buffers_are_kept_and_the_longest_is_used_first() {
        let spare = Spare::new(9);
        use_all(&spare, &[0, MOST + 1, 10, MOST - 30, 20, 1]);
        assert_eq!(spare_lengths(&spare), [10, 20, MOST - 30]);
        assert_eq!(spare.take().bytes.len(), MOST - 30);
        spare.give_back();
        assert!(spare_lengths(&spare).is_empty());
    }

    #[test]
    fn there_are_no_more_buffers_than_threads() {
        let spare = Spare::new(2);
        use_all(&spare, &[5, 10, 7]);
        assert_eq!(spare_lengths(&spare), [7, 10]);
        let first = spare.take();
        assert_eq!((first.bytes.len(), spare_lengths(&spare)), (10, vec![7]));
        use_all(&spare, &[6, 8]);
        // With the one in use there are two.
        assert_eq!(spare_lengths(&spare), [8]);
        drop(first);
        assert_eq!(spare_lengths(&spare), [8, 10]);
    }

    #[test]
    fn a_buffer_that_is_lost_makes_room_for_another() {
        let spare = Spare::new(1);
        use_all(&spare, &[10]);
        let mut lost = spare.take();
        drop(std::mem::take(&mut lost.bytes));
        drop(lost);
        assert!(spare_lengths(&spare).is_empty());
        use_all(&spare, &[20]);
        assert_eq!(spare_lengths(&spare), [20]);
    }

    #[test]
    fn what_was_touched_once_counts_however_short_the_last_use() {
        let spare = Spare::new(1);
        use_all(&spare, &[10]);
        spare.take().bytes.truncate(3);
        assert_eq!(spare_lengths(&spare), [10]);
    }
}
