//! What threads make block by block, taken in its order.

use std::{io, num::NonZeroUsize, sync::mpsc};

/// Threads that write one document: what they write is put together by one, which more of them would wait for.
const MOST: usize = 4;
/// Blocks that each thread may be ahead.
const AHEAD: usize = 2;

/// How many of `jobs` threads so many blocks are for.
pub(super) fn threads(jobs: NonZeroUsize, blocks: usize) -> usize {
    jobs.get().min(MOST).min(blocks).max(1)
}

/// Hands what `make` gives for each of `blocks` to `take`, in their order. With one of the `threads` there are no others than
/// the one that asks, which else makes its part as well.
pub(super) fn in_order<B, E>(
    blocks: usize,
    threads: usize,
    make: &(dyn Fn(usize) -> Result<B, E> + Sync),
    mut take: impl FnMut(B) -> Result<(), E>,
) -> Result<(), E>
where
    B: Send,
    E: From<io::Error> + Send,
{
    std::thread::scope(|scope| {
        let others = (1..threads).map(|first| {
            let (sender, receiver) = mpsc::sync_channel(AHEAD);
            scope.spawn(move || {
                for block in (first..blocks).step_by(threads) {
                    // Nobody receives any longer where taking failed.
                    if sender.send(make(block)).is_err() {
                        break;
                    }
                }
            });
            receiver
        });
        let others: Vec<mpsc::Receiver<Result<B, E>>> = others.collect();
        for block in 0..blocks {
            let other = block.checked_rem(threads).and_then(|thread| others.get(thread.checked_sub(1)?));
            let result = match other {
                // A thread that panicked sends nothing, and the scope panics in its stead.
                Some(receiver) => {
                    receiver.recv().unwrap_or_else(|_| Err(io::Error::other("no block").into()))
                }
                None => make(block),
            };
            take(result?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(threads: usize, fails: Option<usize>) -> (Vec<usize>, io::Result<()>) {
        let mut taken = Vec::new();
        let make = |block| if Some(block) == fails { Err(io::Error::other("bad")) } else { Ok(block) };
        let result = in_order(50, threads, &make, |block| {
            taken.push(block);
            Ok(())
        });
        (taken, result)
    }

    #[test]
    fn blocks_are_taken_in_order_whoever_makes_them() {
        for threads in [1, 2, 3, 7] {
            let (taken, result) = check(threads, None);
            result.unwrap();
            assert_eq!(taken, (0..50).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_ends_it() {
        for threads in [1, 2, 3] {
            let (taken, result) = check(threads, Some(20));
            assert_eq!(result.unwrap_err().to_string(), "bad");
            assert_eq!(taken.len(), 20);
        }
    }

    #[test]
    fn who_takes_may_refuse() {
        let make = |block: usize| Ok::<_, io::Error>(block);
        let take = |block| if block < 5 { Ok(()) } else { Err(io::Error::other("full")) };
        assert_eq!(in_order(1000, 3, &make, take).unwrap_err().to_string(), "full");
    }
}
