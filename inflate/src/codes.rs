//! Huffman codes as tables: what the next bits of a stream stand for, found with one look or two.
//!
//! Source: RFC 1951, sections 3.2.2 and 3.2.5 to 3.2.7.

use std::sync::LazyLock;

use crate::Fault;

/// What a code stands for, and how many bits it takes.
///
/// | bits | |
/// |---|---|
/// | 31 | a literal |
/// | 16 to 30 | the literal; the base of a length or distance; where a further table begins |
/// | 15 | none of these: 14 is set for a further table, 13 for what is no code, neither of them for the end of a block |
/// | 8 to 11 | bits of the code without those that are added to its base; bits that a further table is asked with |
/// | 0 to 7 | all bits |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(u32);

const LITERAL: u32 = 1 << 31;
const SPECIAL: u32 = 1 << 15;
const FURTHER: u32 = SPECIAL | 1 << 14;
const NO_CODE: u32 = SPECIAL | 1 << 13;

impl Entry {
    const END: Self = Self(SPECIAL);
    /// Bits that stand for nothing.
    const NOTHING: Self = Self(NO_CODE);

    fn literal(byte: u8) -> Self {
        Self(LITERAL | u32::from(byte) << 16)
    }

    fn base(base: u16, extra: u8) -> Self {
        Self(u32::from(base) << 16 | u32::from(extra))
    }

    /// That of a code of so many bits.
    fn of_bits(self, bits: u32) -> Self {
        Self((self.0 + bits) | bits << 8)
    }

    #[inline]
    pub(crate) fn is_literal(self) -> bool {
        self.0 & LITERAL != 0
    }

    /// Whether it is neither a literal nor a base.
    #[inline]
    pub(crate) fn is_special(self) -> bool {
        self.0 & SPECIAL != 0
    }

    #[inline]
    pub(crate) fn is_further(self) -> bool {
        self.0 & (LITERAL | FURTHER) == FURTHER
    }

    #[inline]
    pub(crate) fn is_end(self) -> bool {
        self.0 & (LITERAL | FURTHER | NO_CODE) == SPECIAL
    }

    pub(crate) fn is_no_code(self) -> bool {
        self.0 & (LITERAL | NO_CODE) == NO_CODE
    }

    #[inline]
    pub(crate) fn byte(self) -> u8 {
        self.0.to_le_bytes()[2]
    }

    /// How many bits it takes, in the low byte; the others hold whatever.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// The length or distance, with what `bits`, which begin with the code, add to it.
    #[inline]
    pub(crate) fn value(self, bits: u64) -> usize {
        let added = bits & !(u64::MAX.wrapping_shl(self.0));
        let added = low(added.wrapping_shr(self.0 >> 8 & 15));
        ((self.0 >> 16 & 0x7fff) + added) as usize
    }
}

/// The low bits.
#[inline]
fn low(bits: u64) -> u32 {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The codes of one alphabet: found with their first `MAIN` bits, or, where they are longer, in further tables behind.
/// There is `ROOM` for any code of 15 bits at most, a power of two.
#[derive(Debug, Clone)]
pub(crate) struct Table<const MAIN: u32, const ROOM: usize>([Entry; ROOM]);

/// Bits of the longest code.
const LONGEST: usize = 15;
/// Symbols of the largest alphabet.
const SYMBOLS: usize = 288;

impl<const MAIN: u32, const ROOM: usize> Table<MAIN, ROOM> {
    const EMPTY: Self = Self([Entry::NOTHING; ROOM]);

    /// What `bits` begin with.
    #[inline]
    pub(crate) fn find(&self, bits: u64) -> Entry {
        self.at(low(bits) & ((1 << MAIN) - 1))
    }

    /// The same, where `further` was found, for the bits behind the first `MAIN`.
    #[inline]
    pub(crate) fn find_further(&self, further: Entry, bits: u64) -> Entry {
        let (start, index_bits) = (further.0 >> 16 & 0x7fff, further.0 >> 8 & 15);
        self.at(start + (low(bits) & ((1 << index_bits) - 1)))
    }

    /// What `bits` begin with, however long its code is, and how many of them lie before those that it counts.
    pub(crate) fn find_whole(&self, bits: u64) -> (Entry, u32) {
        let entry = self.find(bits);
        if entry.is_further() { (self.find_further(entry, bits >> MAIN), MAIN) } else { (entry, 0) }
    }

    #[inline]
    fn at(&self, index: u32) -> Entry {
        // What is masked is in the table, which the compiler sees.
        self.0.get(index as usize & (ROOM - 1)).copied().unwrap_or(Entry::NOTHING)
    }

    /// Makes the table of the code whose symbols have codes of these `lengths`, 0 for none, and stand for what `meaning` says.
    /// A code must use up all bits; `may_be_single` allows one symbol alone, of one bit, and none.
    fn build(
        &mut self,
        lengths: &[u8],
        may_be_single: bool,
        meaning: impl Fn(u16) -> Entry,
    ) -> Result<(), Fault> {
        let mut counts = [0_usize; LONGEST + 1];
        for length in lengths {
            *counts.get_mut(usize::from(*length)).ok_or(Fault::Codes)? += 1;
        }
        counts[0] = 0;
        let used = counts.iter().sum::<usize>();
        // Of all bit strings of the length looked at, those that no shorter code begins.
        let mut free = 1_usize;
        for count in counts.iter().skip(1) {
            free = (free * 2).checked_sub(*count).ok_or(Fault::Codes)?;
        }
        if free > 0 {
            let is_single = used == 0 || used == 1 && counts[1] == 1;
            if !(may_be_single && is_single) {
                return Err(Fault::Codes);
            }
            // The bits that are left over are no code.
            self.main().fill(Entry::NOTHING);
        }
        self.fill(&sorted(lengths, &counts), counts, meaning)
    }

    fn main(&mut self) -> &mut [Entry] {
        self.0.split_at_mut(1 << MAIN).0
    }

    /// Enters the symbols, sorted by the length of their codes, of which there are so many of each length.
    fn fill(
        &mut self,
        symbols: &[u16; SYMBOLS],
        mut counts: [usize; LONGEST + 1],
        meaning: impl Fn(u16) -> Entry,
    ) -> Result<(), Fault> {
        let mut symbols = symbols.iter();
        let mut code = 0_u32;
        let (mut prefix, mut start, mut end) = (None, 0, 1_usize << MAIN);
        for bits in 1..=LONGEST {
            let length = u32::try_from(bits).unwrap_or(0);
            for rest in (1..=counts.get(bits).copied().unwrap_or(0)).rev() {
                let meant = meaning(*symbols.next().ok_or(Fault::Codes)?);
                // In the stream the first bit of a code is the lowest.
                let reversed = code.reverse_bits() >> (32 - length);
                code += 1;
                if length <= MAIN {
                    *self.main().get_mut(reversed as usize).ok_or(Fault::Codes)? = meant.of_bits(length);
                    continue;
                }
                let behind = length - MAIN;
                let main = reversed & ((1 << MAIN) - 1);
                if prefix != Some(main) {
                    prefix = Some(main);
                    if let Some(count) = counts.get_mut(bits) {
                        *count = rest;
                    }
                    let index_bits = index_bits(behind, counts.get(bits..).unwrap_or_default());
                    start = end;
                    end += 1 << index_bits;
                    let further = u32::try_from(start).unwrap_or(0) << 16 | FURTHER | index_bits << 8 | MAIN;
                    *self.0.get_mut(main as usize).ok_or(Fault::Codes)? = Entry(further);
                }
                let table = self.0.get_mut(start + (reversed >> MAIN) as usize..end).ok_or(Fault::Codes)?;
                table.iter_mut().step_by(1 << behind).for_each(|entry| *entry = meant.of_bits(behind));
            }
            code <<= 1;
            // Codes are found whatever follows: what one more bit may be is entered with all codes so far at once.
            if length < MAIN {
                self.main().copy_within(..1 << length, 1 << length);
            }
        }
        Ok(())
    }
}

/// Bits that a further table has to be asked with that begins with codes of `least` bits: as many as it takes until the codes
/// of each length, `counts`, fill it.
fn index_bits(least: u32, counts: &[usize]) -> u32 {
    let mut bits = least;
    let mut filled = 0;
    for count in counts {
        filled += count;
        if filled >= 1 << bits {
            break;
        }
        filled *= 2;
        bits += 1;
    }
    bits
}

/// The symbols that have a code, by its length.
fn sorted(lengths: &[u8], counts: &[usize; LONGEST + 1]) -> [u16; SYMBOLS] {
    let mut next = [0; LONGEST + 1];
    let mut sum = 0;
    for (next, count) in next.iter_mut().zip(counts) {
        *next = sum;
        sum += count;
    }
    let mut symbols = [0; SYMBOLS];
    for (symbol, length) in (0_u16..).zip(lengths).filter(|(_, length)| **length > 0) {
        if let Some(place) = next.get_mut(usize::from(*length)) {
            if let Some(entry) = symbols.get_mut(*place) {
                *entry = symbol;
            }
            *place += 1;
        }
    }
    symbols
}

/// The codes of a block: of literals and lengths, and of distances.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    pub(crate) literals: Table<11, 4096>,
    pub(crate) distances: Table<9, 1024>,
}

/// The codes that a stream need not describe.
pub(crate) static FIXED: LazyLock<Codes> = LazyLock::new(|| {
    let mut lengths = [8; SYMBOLS];
    lengths.get_mut(144..256).unwrap_or_default().fill(9);
    lengths.get_mut(256..280).unwrap_or_default().fill(7);
    let mut codes = Codes::new();
    // These are complete, so there is no error.
    let _ = codes.set(&lengths, &[5; 32]);
    codes
});

impl Codes {
    /// Those of which no bits stand for anything.
    pub(crate) const fn new() -> Self {
        Self { literals: Table::EMPTY, distances: Table::EMPTY }
    }

    /// Makes the codes whose symbols have codes of these lengths.
    pub(crate) fn set(&mut self, literals: &[u8], distances: &[u8]) -> Result<(), Fault> {
        if literals.get(usize::from(END_OF_BLOCK)).is_none_or(|length| *length == 0) {
            return Err(Fault::Codes);
        }
        self.literals.build(literals, true, literal)?;
        self.distances.build(distances, true, distance)
    }
}

const END_OF_BLOCK: u16 = 256;

fn literal(symbol: u16) -> Entry {
    /// Bases and extra bits of the symbols behind that which ends a block.
    const LENGTHS: [(u16, u8); 29] = [
        (3, 0),
        (4, 0),
        (5, 0),
        (6, 0),
        (7, 0),
        (8, 0),
        (9, 0),
        (10, 0),
        (11, 1),
        (13, 1),
        (15, 1),
        (17, 1),
        (19, 2),
        (23, 2),
        (27, 2),
        (31, 2),
        (35, 3),
        (43, 3),
        (51, 3),
        (59, 3),
        (67, 4),
        (83, 4),
        (99, 4),
        (115, 4),
        (131, 5),
        (163, 5),
        (195, 5),
        (227, 5),
        (258, 0),
    ];
    if let Ok(byte) = u8::try_from(symbol) {
        return Entry::literal(byte);
    }
    let Some(length) = symbol.checked_sub(END_OF_BLOCK + 1) else { return Entry::END };
    let length = LENGTHS.get(usize::from(length));
    length.map_or(Entry::NOTHING, |(base, extra)| Entry::base(*base, *extra))
}

fn distance(symbol: u16) -> Entry {
    // The first four have no extra bits, and each two behind them one more.
    let extra = (symbol / 2).saturating_sub(1);
    match symbol {
        0..4 => Entry::base(symbol + 1, 0),
        4..30 => Entry::base(((2 + symbol % 2) << extra) + 1, u8::try_from(extra).unwrap_or(0)),
        _ => Entry::NOTHING,
    }
}

/// The code in which the lengths of the others are written.
pub(crate) struct LengthCode(Table<7, 128>);

impl LengthCode {
    /// Bits of its longest code.
    pub(crate) const LONGEST: u32 = 7;

    pub(crate) fn new(lengths: &[u8; 19]) -> Result<Self, Fault> {
        let mut table = Table::EMPTY;
        table.build(lengths, false, |symbol| Entry::literal(u8::try_from(symbol).unwrap_or(0)))?;
        Ok(Self(table))
    }

    /// The symbol that `bits` begin with, and how many bits it takes.
    pub(crate) fn find(&self, bits: u64) -> (u8, u32) {
        let entry = self.0.find(bits);
        (entry.byte(), entry.bits() & 0xff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built<const MAIN: u32>(lengths: &[u8]) -> Result<Table<MAIN, 4096>, Fault> {
        let mut table = Table::EMPTY;
        table.build(lengths, true, |symbol| Entry::base(symbol, 0)).map(|()| table)
    }

    /// The symbol that `bits` begin with, and how many bits its code takes.
    fn find<const MAIN: u32>(table: &Table<MAIN, 4096>, bits: u64) -> (usize, u32) {
        let (entry, before) = table.find_whole(bits);
        (entry.value(bits >> before), before + (entry.bits() & 0xff))
    }

    /// Each code, first bit first, as the RFC assigns them.
    fn canonical(lengths: &[u8]) -> Vec<(usize, u32, u64)> {
        let mut codes = Vec::new();
        let mut code = 0_u64;
        for length in 1..=15 {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, of)| u32::from(**of) == length) {
                codes.push((symbol, length, code.reverse_bits() >> (64 - length)));
                code += 1;
            }
            code <<= 1;
        }
        codes
    }

    fn check<const MAIN: u32>(lengths: &[u8]) {
        let table = built::<MAIN>(lengths).unwrap();
        for (symbol, length, bits) in canonical(lengths) {
            for behind in [0, 0x5555_5555, u64::MAX >> 32] {
                assert_eq!(find(&table, bits | behind << length), (symbol, length), "{MAIN}");
            }
        }
    }

    #[test]
    fn each_code_is_found_whatever_follows() {
        let mut long = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15];
        let mut wide = vec![9_u8; 256];
        wide.extend([2, 2]);
        // What is complete may lie in any order.
        for _ in 0..2 {
            check::<11>(&long);
            check::<7>(&long);
            check::<9>(&wide);
            check::<7>(&wide);
            check::<3>(&[3, 3, 3, 3, 3, 2, 4, 4]);
            check::<2>(&[3, 3, 3, 3, 3, 2, 4, 4]);
            long.reverse();
            wide.reverse();
        }
    }

    #[test]
    fn a_code_must_use_up_all_bits() {
        assert!(built::<7>(&[1, 1, 1]).is_err());
        assert!(built::<7>(&[1, 2]).is_err());
        assert!(built::<7>(&[2]).is_err());
        assert!(built::<7>(&[16]).is_err());
        assert!(built::<7>(&[1, 1]).is_ok());
        let one_bit = built::<7>(&[0, 1]).unwrap();
        assert_eq!(find(&one_bit, 0), (1, 1));
        assert!(one_bit.find(1).is_special());
        assert!(built::<7>(&[0, 0]).unwrap().find(0).is_special());
        assert!(LengthCode::new(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_block_must_be_able_to_end() {
        assert_eq!(Codes::new().set(&[8; 256], &[1]), Err(Fault::Codes));
        assert_eq!(Codes::new().set(&[&[8; 255][..], &[0], &[8]].concat(), &[1]), Ok(()));
    }

    #[test]
    fn lengths_and_distances_are_those_of_the_rfc() {
        let value =
            |entry: Entry, bits: u32| (entry.of_bits(bits).value(0), entry.of_bits(bits).value(u64::MAX));
        assert_eq!(value(literal(257), 7), (3, 3));
        assert_eq!(value(literal(284), 7), (227, 258));
        assert_eq!(value(literal(285), 7), (258, 258));
        assert_eq!(value(distance(0), 5), (1, 1));
        assert_eq!(value(distance(4), 5), (5, 6));
        assert_eq!(value(distance(29), 15), (24577, 32768));
        assert!(literal(286).is_special() && !literal(286).is_end() && literal(256).is_end());
        assert!(distance(30).is_special() && !distance(30).is_end());
    }
}
