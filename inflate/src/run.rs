//! The codes of a block, many at a time.

use fearless_simd::{Level, dispatch};

use crate::{
    Fault,
    beside::{Batch, Meanwhile},
    codes::Codes,
    inflate::{Bits, Output, before},
    window::Window,
};

/// Bytes that there must be more of, for [`run`] looks at so many without asking.
pub(crate) const MARGIN_IN: usize = 32;
/// Bytes that there must be more room for: it writes three literals, or two and the longest repetition, and what is copied for
/// nothing.
pub(crate) const MARGIN_OUT: usize = 3 + 258 + COPIED;
/// Bytes copied at a time.
const COPIED: usize = 16;
/// Bytes that are worth a call to be copied.
const FAR: usize = 64;

/// What is inflated, and by what.
pub(crate) struct Given<'g> {
    pub(crate) codes: &'g Codes,
    pub(crate) window: &'g Window,
    pub(crate) input: &'g [u8],
}

/// Inflates with the instructions that this processor has: shifts by any number of bits at once are a tenth faster. As [`turns`],
/// and hashes `meanwhile`.
pub(crate) fn run(
    bits: &mut Bits,
    given: &Given<'_>,
    output: &mut Output<'_>,
    meanwhile: &mut Meanwhile<'_>,
    batch: &mut Batch,
) -> Result<(usize, bool), Fault> {
    if let Some(inflated) = batch.run(meanwhile, bits, given, output) {
        return inflated;
    }
    dispatch!(Level::new(), _ => turns(bits, given, output, || false))
}

/// Inflates as long as no bound has to be looked at but once a turn, or until `beside`, which is asked before each, says that it
/// is enough. Gives the number of bytes of the input that were used, and whether the block ended.
///
/// Each turn reads up to three literals, or up to two and a repetition. What follows is looked up before a repetition is copied,
/// so that the processor does both at once.
#[expect(clippy::inline_always, reason = "each caller is for other instructions of the processor")]
#[inline(always)]
pub(crate) fn turns(
    bits: &mut Bits,
    given: &Given<'_>,
    output: &mut Output<'_>,
    mut beside: impl FnMut() -> bool,
) -> Result<(usize, bool), Fault> {
    let Given { codes, window, input } = *given;
    let (last_in, last_out) =
        (input.len().saturating_sub(MARGIN_IN), output.bytes.len().saturating_sub(MARGIN_OUT));
    let out = &mut *output.bytes;
    let (mut at, mut filled) = (0_usize, output.filled);
    let mut held = bits.held;
    // Of `count` only the lowest six bits count. In `held`, behind so many, is the beginning of what is read next.
    let mut count = bits.count;
    let mut ended = false;
    let mut fault = None;
    // What ends this leaves it. With the margins there always is what is asked for, which the compiler cannot know.
    'turns: {
        // Fills up to 56 bits or more.
        macro_rules! refill {
            () => {
                let Some(next) = input.get(at..).and_then(<[u8]>::first_chunk) else { break 'turns };
                held |= u64::from_le_bytes(*next).wrapping_shl(count);
                at += (!count >> 3 & 7) as usize;
                count |= 56;
            };
        }
        macro_rules! consume {
            ($entry:expr) => {
                held = held.wrapping_shr($entry.bits());
                count = count.wrapping_sub($entry.bits());
            };
        }
        macro_rules! push {
            ($entry:expr) => {
                let Some(place) = out.get_mut(filled) else { break 'turns };
                *place = $entry.byte();
                filled += 1;
            };
        }
        macro_rules! end_turn {
            () => {
                if at > last_in || filled > last_out {
                    break 'turns;
                }
            };
        }
        refill!();
        let mut entry = codes.literals.find(held);
        loop {
            if beside() {
                break 'turns;
            }
            // What `entry` begins with.
            let mut code = held;
            consume!(entry);
            if entry.is_literal() {
                let first = entry;
                entry = codes.literals.find(held);
                code = held;
                consume!(entry);
                push!(first);
                if entry.is_literal() {
                    let second = entry;
                    entry = codes.literals.find(held);
                    code = held;
                    consume!(entry);
                    push!(second);
                    if entry.is_literal() {
                        push!(entry);
                        end_turn!();
                        entry = codes.literals.find(held);
                        refill!();
                        continue;
                    }
                }
            }
            if entry.is_further() {
                entry = codes.literals.find_further(entry, held);
                code = held;
                consume!(entry);
                if entry.is_literal() {
                    push!(entry);
                    end_turn!();
                    refill!();
                    entry = codes.literals.find(held);
                    continue;
                }
            }
            if entry.is_special() {
                ended = entry.is_end();
                fault = (!ended).then_some(Fault::NoCode);
                break 'turns;
            }
            let length = entry.value(code);
            let mut far = codes.distances.find(held);
            refill!();
            if far.is_further() {
                consume!(far);
                far = codes.distances.find_further(far, held);
            }
            if far.is_special() {
                fault = Some(Fault::NoCode);
                break 'turns;
            }
            let distance = far.value(held);
            consume!(far);
            entry = codes.literals.find(held);
            refill!();
            let end = filled + length;
            if let Some(from) = filled.checked_sub(distance) {
                repeat(out, from, filled, end);
            } else if distance <= filled + window.held() {
                repeat_window(out, filled, end, window, distance);
            } else {
                fault = Some(Fault::Distance);
                break 'turns;
            }
            filled = end;
            end_turn!();
        }
    }
    bits.count = count & 63;
    bits.held = held & !(u64::MAX << bits.count);
    output.filled = filled;
    fault.map_or(Ok((at, ended)), Err)
}

/// Repeats what begins in the window. Seldom needed, and where it is not apart, compilers make large vectors of it.
#[inline(never)]
fn repeat_window(out: &mut [u8], mut filled: usize, end: usize, window: &Window, distance: usize) {
    let (first, second) = window.from(distance - filled, end - filled);
    for bytes in [first, second] {
        if let Some(room) = out.get_mut(filled..filled + bytes.len()) {
            room.copy_from_slice(bytes);
        }
        filled += bytes.len();
    }
    for at in filled..end {
        let byte = before(window, out, at, distance);
        out.get_mut(at).into_iter().for_each(|place| *place = byte);
    }
}

/// Repeats what begins at `from` and ends at `filled`, as often as it takes to reach `end`. May write [`COPIED`] bytes more.
#[inline(always)]
fn repeat(out: &mut [u8], mut from: usize, mut filled: usize, end: usize) {
    /// Multiples of each distance that are as long as may be copied at once.
    const STEPS: [usize; COPIED] = [0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15];
    let distance = filled - from;
    if end - filled > FAR && distance >= end - filled {
        return out.copy_within(from..from + (end - filled), filled);
    }
    let Some(step) = STEPS.get(distance) else {
        while filled < end {
            let Some(bytes) = out.get(from..from + COPIED).and_then(<[u8]>::first_chunk).copied() else {
                break;
            };
            let Some(place) = out.get_mut(filled..filled + COPIED).and_then(<[u8]>::first_chunk_mut) else {
                break;
            };
            *place = bytes as [u8; COPIED];
            (from, filled) = (from + COPIED, filled + COPIED);
        }
        return;
    };
    let Some(bytes) = out.get(from..from + COPIED).and_then(<[u8]>::first_chunk) else { return };
    let mut bits = distance * 8;
    let mut pattern = u128::from_le_bytes(*bytes) & !(u128::MAX << bits);
    while bits < 128 {
        pattern |= pattern << bits;
        bits *= 2;
    }
    while filled < end {
        let Some(place) = out.get_mut(filled..filled + COPIED).and_then(<[u8]>::first_chunk_mut) else {
            break;
        };
        *place = pattern.to_le_bytes();
        filled += step;
    }
}
