//! The maps of sparse files: which bytes of the file are stored.

use std::cmp::Ordering;

use super::{
    BLOCK, Run, TarError,
    block::{self, Block, Format},
    records::{Records, Version, integer},
};
use crate::limits::Limit;

/// What there is of a map.
#[derive(Debug)]
pub(super) enum Map {
    /// The file is not sparse.
    None,
    /// So many bytes are needed, from the block of the header on.
    More(usize),
    Of(Sparse),
}

/// A sparse file.
#[derive(Debug)]
pub(super) struct Sparse {
    pub(super) runs: Vec<Run>,
    /// Its length with holes.
    pub(super) size: u64,
    /// Length of what is stored of it.
    pub(super) stored: u64,
    /// How many bytes behind the block of the header belong to the map.
    pub(super) taken: usize,
}

/// Bytes of an offset and a length in a block.
const PAIR: usize = 24;
/// Runs in a block that has nothing else.
const PAIRS: usize = 21;

/// The map of GNU's own format: four runs in the block of the header, which is the first of `bytes`, and more in those
/// behind it.
pub(super) fn of_block(header: Block<'_>, bytes: &[u8], stored: u64, most: Limit) -> Result<Map, TarError> {
    if header.format() != Format::Gnu {
        return Err(TarError::Sparse { reason: "is not of GNU's format" });
    }
    let size = header.real_size()?;
    let mut runs = Runs::default();
    let mut end = BLOCK;
    let mut table = header.map();
    while let Some((&goes_on, pairs)) = table.split_last() {
        for (offset, length) in pairs.chunks_exact(PAIR).filter_map(|pair| pair.split_at_checked(PAIR / 2)) {
            if offset.first() == Some(&0) {
                break;
            }
            let number = |field| block::number(field).ok_or(TarError::Number { field: "map" });
            runs.push(number(offset)?, number(length)?)?;
        }
        if goes_on == 0 {
            break;
        }
        most.check(end as u64)?;
        let Some(next) = bytes.get(end..end + BLOCK) else { return Ok(Map::More(end + BLOCK)) };
        table = next.get(..PAIRS * PAIR + 1).unwrap_or_default();
        end += BLOCK;
    }
    runs.within(size, stored, end - BLOCK)
}

/// The map of the PAX formats. `size` is what the header says, and `stored` what of it follows the header, which is the
/// first block of `bytes`.
pub(super) fn of_records(
    records: &Records,
    bytes: &[u8],
    size: i64,
    stored: u64,
    most: Limit,
) -> Result<Map, TarError> {
    let Some(version) = records.sparse_version() else { return Ok(Map::None) };
    let size = records.sparse_size()?.unwrap_or(size);
    match version {
        Version::InRecords => in_records(records)?.within(size, stored, 0),
        Version::InContent => in_content(bytes, size, stored, most),
    }
}

/// Versions 0.0 and 0.1: `offset,length,offset,length,…`
fn in_records(records: &Records) -> Result<Runs, TarError> {
    let (map, count) = records.map()?;
    let mut runs = Runs::default();
    let mut numbers = map.split(|&byte| byte == b',').filter(|_| !map.is_empty());
    while let Some(offset) = numbers.next() {
        let length = numbers.next().ok_or(TarError::Sparse { reason: "ends within a run" })?;
        let number = |text| integer(text).ok_or(TarError::Number { field: "map" });
        runs.push(number(offset)?, number(length)?)?;
    }
    if i64::try_from(runs.list.len()).ok() != Some(count) {
        return Err(TarError::Sparse { reason: "has another number of runs than is said" });
    }
    Ok(runs)
}

/// Version 1.0: the number of runs, then offset and length of each, each number on a line, padded to whole blocks, which
/// count as content.
fn in_content(bytes: &[u8], size: i64, stored: u64, most: Limit) -> Result<Map, TarError> {
    let ends = || TarError::Sparse { reason: "is longer than the content that holds it" };
    let content = bytes.get(BLOCK..).unwrap_or_default();
    let mut lines = Lines { content, at: 0 };
    let mut runs = Runs::default();
    let mut left = None;
    while left != Some(0) {
        let numbers = match left {
            None => lines.next()?.map(|count| (count, 0)),
            Some(_) => match (lines.next()?, lines.next()?) {
                (Some(offset), Some(length)) => Some((offset, length)),
                _ => None,
            },
        };
        let Some((first, second)) = numbers else {
            most.check(content.len() as u64)?;
            if content.len() as u64 > stored {
                return Err(ends());
            }
            return Ok(Map::More(bytes.len().max(BLOCK) + BLOCK));
        };
        left = Some(match left {
            None if first < 0 => return Err(TarError::Sparse { reason: "has less than no runs" }),
            None => first,
            Some(left) => {
                runs.push(first, second)?;
                left - 1
            }
        });
    }
    let taken = lines.at.next_multiple_of(BLOCK);
    let stored = stored.checked_sub(taken as u64).ok_or_else(ends)?;
    if content.len() < taken {
        return Ok(Map::More(BLOCK + taken));
    }
    runs.within(size, stored, taken)
}

/// Numbers, each on a line.
struct Lines<'c> {
    content: &'c [u8],
    at: usize,
}

impl Lines<'_> {
    /// The next number; none if its line does not end here.
    fn next(&mut self) -> Result<Option<i64>, TarError> {
        let rest = self.content.get(self.at..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\n', rest) else { return Ok(None) };
        let line = rest.get(..length).unwrap_or_default();
        self.at += length + 1;
        integer(line).map(Some).ok_or(TarError::Number { field: "map" })
    }
}

/// The runs so far, in order, none within another.
#[derive(Default)]
struct Runs {
    list: Vec<Run>,
    end: u64,
    /// Of their lengths. No more than `end`, as none lies within another.
    sum: u64,
}

impl Runs {
    fn push(&mut self, offset: i64, length: i64) -> Result<(), TarError> {
        let run = match (u64::try_from(offset), u64::try_from(length)) {
            (Ok(offset), Ok(length)) if offset >= self.end => Run { offset, length },
            _ => return Err(TarError::Sparse { reason: "has runs that are not in order" }),
        };
        self.end = run.offset.saturating_add(run.length);
        self.sum = self.sum.saturating_add(run.length);
        self.list.push(run);
        Ok(())
    }

    /// The map of a file of `size` bytes, of which `stored` are there.
    fn within(self, size: i64, stored: u64, taken: usize) -> Result<Map, TarError> {
        let size = u64::try_from(size).ok().filter(|size| self.end <= *size);
        let size = size.ok_or(TarError::Sparse { reason: "goes beyond the end of the file" })?;
        match self.sum.cmp(&stored) {
            Ordering::Equal => Ok(Map::Of(Sparse { runs: self.list, size, stored, taken })),
            Ordering::Greater => Err(TarError::Sparse { reason: "says that more is stored than there is" }),
            Ordering::Less => Err(TarError::Sparse { reason: "says that less is stored than there is" }),
        }
    }
}
