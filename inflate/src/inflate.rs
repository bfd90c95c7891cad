//! A deflate stream: blocks of bytes that are stored, or of codes for literals and repetitions.
//!
//! Source: RFC 1951. Most of a stream is read by [`run`], as long as there is enough to read and enough room
//! for it not to ask before each bit; what is left at the edges, a symbol at a time.

use std::io::{self, BufRead, ErrorKind};

use crate::{
    Fault,
    beside::{Batch, Meanwhile},
    codes::{Codes, Entry, FIXED, LengthCode, Table},
    ends_early,
    run::{Given, MARGIN_IN, MARGIN_OUT, run},
    window::Window,
};

/// Bits that were read and not used.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    /// The next one is the lowest; those from `count` on are 0.
    pub(crate) held: u64,
    pub(crate) count: u32,
    /// Why no more can be read. It is told once these bits are not enough.
    failure: Option<io::Error>,
}

impl Bits {
    /// What can be read at once; nothing where the data ends or cannot be read.
    fn available<'i>(&mut self, input: &'i mut dyn BufRead) -> &'i [u8] {
        while self.failure.is_none() {
            match input.fill_buf() {
                Ok([]) => return &[],
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
        if self.failure.is_some() {
            return &[];
        }
        // Asked for once more, for what a loop found cannot be given away.
        match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) => {
                self.failure = Some(error);
                &[]
            }
        }
    }

    /// Why there are too few.
    fn too_few(&mut self) -> io::Error {
        self.failure.take().unwrap_or_else(ends_early)
    }

    /// Reads until there are at least `least`, of at most 56, or there is nothing more. More are read where they are at hand.
    fn fill(&mut self, input: &mut dyn BufRead, least: u32) {
        while self.count < least {
            let mut used = 0;
            for byte in self.available(input).iter().take((63 - self.count as usize) / 8) {
                self.held |= u64::from(*byte) << self.count;
                self.count += 8;
                used += 1;
            }
            if used == 0 {
                break;
            }
            input.consume(used);
        }
    }

    /// The next `count` bits, of at most 16.
    fn take(&mut self, input: &mut dyn BufRead, count: u32) -> io::Result<u16> {
        self.fill(input, count);
        let [low, high, ..] = (self.held & ((1 << count) - 1)).to_le_bytes();
        self.drop(count)?;
        Ok(u16::from_le_bytes([low, high]))
    }

    /// Uses the first `count` bits.
    fn drop(&mut self, count: u32) -> io::Result<()> {
        self.count = self.count.checked_sub(count).ok_or_else(|| self.too_few())?;
        self.held = self.held.wrapping_shr(count);
        Ok(())
    }

    /// Leaves out what is left of a byte.
    pub(crate) fn align(&mut self) {
        self.held = self.held.wrapping_shr(self.count % 8);
        self.count -= self.count % 8;
    }

    /// Whether the data ends here.
    pub(crate) fn is_at_end(&mut self, input: &mut dyn BufRead) -> io::Result<bool> {
        let is_at_end = self.count == 0 && self.available(input).is_empty();
        self.failure.take_if(|_| is_at_end).map_or(Ok(is_at_end), Err)
    }

    /// The next byte. To be asked only where one begins.
    pub(crate) fn byte(&mut self, input: &mut dyn BufRead) -> io::Result<u8> {
        self.fill(input, 8);
        let [byte, ..] = self.held.to_le_bytes();
        self.drop(8)?;
        Ok(byte)
    }
}

/// Where what is inflated goes.
#[derive(Debug)]
pub(crate) struct Output<'o> {
    pub(crate) bytes: &'o mut [u8],
    /// Bytes that were inflated.
    pub(crate) filled: usize,
}

impl Output<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.bytes.len()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.filled) {
            *place = byte;
            self.filled += 1;
        }
    }
}

/// Where in a stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Before the header of a block.
    Header,
    /// In a block that stores so many more bytes.
    Stored(u16),
    /// In a block of the fixed codes.
    Fixed,
    /// In a block of codes of its own.
    Dynamic,
    /// Behind the last block.
    End,
}

/// Inflates one stream after the other.
#[derive(Debug)]
pub(crate) struct Inflate {
    pub(crate) bits: Bits,
    codes: Box<Codes>,
    within: Within,
    /// Whether no other block follows.
    is_last: bool,
    /// What there was no room for: a repetition of so many bytes from so far back.
    left: (usize, usize),
    window: Window,
    batch: Batch,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self {
            bits: Bits::default(),
            codes: Box::new(Codes::new()),
            within: Within::End,
            is_last: true,
            left: (0, 0),
            window: Window::new(),
            batch: Batch::new(),
        }
    }

    /// Begins the next stream.
    pub(crate) fn begin(&mut self) {
        self.within = Within::Header;
        self.is_last = false;
        self.window.clear();
    }

    /// Whether all of the stream was inflated.
    pub(crate) fn is_at_end(&self) -> bool {
        self.within == Within::End && self.left.0 == 0
    }

    /// Takes note that from now on something else is hashed meanwhile.
    pub(crate) fn forget_meanwhile(&mut self) {
        self.batch.clear();
    }

    /// Inflates into `output`, which is empty at first, until that is full or the stream ends. What it has at an error comes
    /// before that. [`Self::keep`] must have been told of all that was inflated of the stream before.
    pub(crate) fn inflate(
        &mut self,
        input: &mut dyn BufRead,
        output: &mut Output<'_>,
        meanwhile: &mut Meanwhile<'_>,
    ) -> io::Result<()> {
        self.repeat(output);
        while !output.is_full() {
            match self.within {
                Within::End => break,
                Within::Header if self.is_last => self.within = Within::End,
                Within::Header => self.header(input)?,
                Within::Stored(0) => self.within = Within::Header,
                Within::Stored(left) => self.stored(input, output, left)?,
                Within::Fixed | Within::Dynamic => self.symbols(input, output, meanwhile)?,
            }
        }
        Ok(())
    }

    /// Takes note of what was inflated, which may be repeated.
    pub(crate) fn keep(&mut self, inflated: &[u8]) {
        self.window.add(inflated);
    }

    fn header(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        self.is_last = self.bits.take(input, 1)? == 1;
        self.within = match self.bits.take(input, 2)? {
            0 => {
                self.bits.align();
                let length = self.bits.take(input, 16)?;
                if length != !self.bits.take(input, 16)? {
                    return Err(Fault::StoredLength.into());
                }
                Within::Stored(length)
            }
            1 => Within::Fixed,
            2 => {
                self.describe(input)?;
                Within::Dynamic
            }
            _ => return Err(Fault::BlockType.into()),
        };
        Ok(())
    }

    /// Reads the description of a block's codes.
    fn describe(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        const LITERALS: usize = 286;
        const DISTANCES: usize = 30;
        let bits = &mut self.bits;
        let literals = usize::from(bits.take(input, 5)?) + 257;
        let distances = usize::from(bits.take(input, 5)?) + 1;
        let count = usize::from(bits.take(input, 4)?) + 4;
        if literals > LITERALS || distances > DISTANCES {
            return Err(Fault::Codes.into());
        }
        let mut lengths_of_lengths = [0; 19];
        for symbol in ORDER.iter().take(count) {
            let length = bits.take(input, 3)?.to_le_bytes()[0];
            lengths_of_lengths.get_mut(*symbol).into_iter().for_each(|entry| *entry = length);
        }
        let code = LengthCode::new(&lengths_of_lengths)?;
        let mut lengths = [0; LITERALS + DISTANCES];
        let lengths = lengths.get_mut(..literals + distances).unwrap_or_default();
        let mut at = 0;
        while at < lengths.len() {
            bits.fill(input, LengthCode::LONGEST);
            let (symbol, used) = code.find(bits.held);
            bits.drop(used)?;
            let before = at.checked_sub(1).and_then(|before| lengths.get(before).copied());
            let (length, repeat) = match symbol {
                0..16 => (symbol, 1),
                16 => (before.ok_or(Fault::Codes)?, 3 + bits.take(input, 2)?),
                17 => (0, 3 + bits.take(input, 3)?),
                _ => (0, 11 + bits.take(input, 7)?),
            };
            let end = at + usize::from(repeat);
            lengths.get_mut(at..end).ok_or(Fault::Codes)?.fill(length);
            at = end;
        }
        let (literals, distances) = lengths.split_at(literals);
        self.codes.set(literals, distances)?;
        Ok(())
    }

    /// Copies what a block stores.
    fn stored(&mut self, input: &mut dyn BufRead, output: &mut Output<'_>, left: u16) -> io::Result<()> {
        let count = if self.bits.count > 0 {
            output.push(self.bits.byte(input)?);
            1
        } else {
            let available = self.bits.available(input);
            if available.is_empty() {
                return Err(self.bits.too_few());
            }
            let room = output.bytes.get_mut(output.filled..).unwrap_or_default();
            let count = available.len().min(room.len()).min(usize::from(left));
            for (room, bytes) in room.get_mut(..count).into_iter().zip(available.get(..count)) {
                room.copy_from_slice(bytes);
            }
            output.filled += count;
            input.consume(count);
            u16::try_from(count).unwrap_or(left)
        };
        self.within = Within::Stored(left.saturating_sub(count));
        Ok(())
    }

    /// Reads what codes stand for until `output` is full or the block ends.
    fn symbols(
        &mut self,
        input: &mut dyn BufRead,
        output: &mut Output<'_>,
        meanwhile: &mut Meanwhile<'_>,
    ) -> io::Result<()> {
        while !output.is_full() {
            let codes = if self.within == Within::Fixed { &*FIXED } else { &*self.codes };
            let bytes = self.bits.available(input);
            let ended = if bytes.len() > MARGIN_IN && output.bytes.len() - output.filled > MARGIN_OUT {
                let given = Given { codes, window: &self.window, input: bytes };
                let (used, ended) = run(&mut self.bits, &given, output, meanwhile, &mut self.batch)?;
                input.consume(used);
                ended
            } else {
                let (entry, length) = self.bits.symbol(input, &codes.literals)?;
                if entry.is_literal() {
                    output.push(entry.byte());
                } else if !entry.is_end() {
                    let (_, distance) = self.bits.symbol(input, &codes.distances)?;
                    if distance > output.filled + self.window.held() {
                        return Err(Fault::Distance.into());
                    }
                    self.left = (length, distance);
                    self.repeat(output);
                }
                entry.is_end()
            };
            if ended {
                self.within = Within::Header;
                break;
            }
        }
        Ok(())
    }

    /// Repeats what is left to be, as far as there is room.
    fn repeat(&mut self, output: &mut Output<'_>) {
        let (mut length, distance) = self.left;
        while length > 0 && !output.is_full() {
            output.push(before(&self.window, output.bytes, output.filled, distance));
            length -= 1;
        }
        self.left.0 = length;
    }
}

impl Bits {
    /// Uses a code of `table` and what is added to it. Gives also the length or distance.
    fn symbol<const MAIN: u32, const ROOM: usize>(
        &mut self,
        input: &mut dyn BufRead,
        table: &Table<MAIN, ROOM>,
    ) -> io::Result<(Entry, usize)> {
        /// Bits of the longest code with what may be added.
        const MOST: u32 = 15 + 13;
        self.fill(input, MOST);
        let (entry, before) = table.find_whole(self.held);
        if entry.is_no_code() {
            // Where the data ends too early, what is missing may have made it one.
            return Err(if self.count < MOST { self.too_few() } else { Fault::NoCode.into() });
        }
        let value = entry.value(self.held >> before);
        self.drop(before + (entry.bits() & 0xff))?;
        Ok((entry, value))
    }
}

/// The byte `distance` before `output[filled]`, which was inflated then or is in the window.
pub(crate) fn before(window: &Window, output: &[u8], filled: usize, distance: usize) -> u8 {
    match filled.checked_sub(distance) {
        Some(at) => output.get(at).copied().unwrap_or(0),
        None => window.back(distance - filled),
    }
}
