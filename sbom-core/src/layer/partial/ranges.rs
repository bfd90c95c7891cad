//! Parts that are asked for: counted, and bounded in number and bytes.

use std::{cell::Cell, ops::Range};

use super::{PartialError, RandomAccess, Reading};
use crate::limits::Limit;

/// What may be fetched twice, beside an eighth of the layer: the end of a table of contents, what lies between files.
const SPARE: u64 = 64 << 10;

/// What of a layer is fetched.
pub(super) struct Ranges<'a> {
    access: &'a dyn RandomAccess,
    most: Limit,
    requests: Cell<u64>,
    bytes: Cell<u64>,
    report: &'a dyn Fn(u64),
}

impl<'a> Ranges<'a> {
    pub(super) fn new(access: &'a dyn RandomAccess, reading: &Reading<'a>) -> Self {
        let Reading { limits, report, .. } = *reading;
        Self { access, most: limits.range_requests, requests: Cell::new(0), bytes: Cell::new(0), report }
    }

    /// Length of the whole.
    pub(super) fn size(&self) -> u64 {
        self.access.size()
    }

    /// How many bytes were fetched.
    pub(super) fn fetched(&self) -> u64 {
        self.bytes.get()
    }

    /// How many parts may still be asked for.
    pub(super) fn left(&self) -> u64 {
        self.most.value.saturating_sub(self.requests.get())
    }

    /// Fetches `range`, if parts may still be asked for.
    pub(super) fn read(&self, range: Range<u64>) -> Result<Vec<u8>, PartialError> {
        self.most.check(self.requests.get().saturating_add(1))?;
        self.read_on(range)
    }

    /// Fetches `range` in any case. To be used where the number of parts is bounded without it: by parts that grow while
    /// reading goes on, and a reader that leaves out nothing more once there is nothing [left](Self::left).
    pub(super) fn read_on(&self, range: Range<u64>) -> Result<Vec<u8>, PartialError> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.bytes.get().saturating_add(length);
        let most = self.size().saturating_add(self.size() / 8).saturating_add(SPARE);
        if range.end > self.size() || bytes > most {
            return Err(PartialError::MoreThanWhole);
        }
        self.requests.set(self.requests.get().saturating_add(1));
        self.bytes.set(bytes);
        let found = self.access.read(range)?;
        if found.len() as u64 != length {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        (self.report)(bytes);
        Ok(found)
    }
}
