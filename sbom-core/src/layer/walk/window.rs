//! The bytes of an archive that are read but not yet taken.

use std::io::{self, Read};

use super::{Archive, LayerError};
use crate::image_path::ImagePath;

/// Bytes read at a time: enough that handing them over costs nothing, few enough to lie in a processor's cache.
pub(crate) const CHUNK: usize = 256 << 10;
/// From so many bytes on, what is asked for is read to where it is wanted.
const DIRECT: usize = 4 << 10;

/// The bytes read but not yet taken.
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Of `start`, in the unpacked archive.
    pub(super) offset: u64,
    pub(super) ended: bool,
}

impl<R: Archive> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; CHUNK], start: 0, end: 0, offset: 0, ended: false }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Sees to it that `wanted` bytes are there, at least one, unless the bytes end. Gives how many are there.
    pub(super) fn fill(&mut self, wanted: usize) -> Result<usize, LayerError> {
        let wanted = wanted.max(1);
        if self.end - self.start >= wanted {
            return Ok(self.end - self.start);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < wanted && !self.ended {
            if self.end == 0 && self.buffer.len() == CHUNK {
                self.end = self
                    .reader
                    .exchange(&mut self.buffer)
                    .map_err(|source| LayerError::Read { offset: self.offset, source })?;
                if self.end > 0 {
                    continue;
                }
            }
            // What is wanted may be no more than a claim: room is made for what has come.
            if self.end == self.buffer.len() {
                self.buffer.resize(self.end.saturating_mul(2), 0);
            }
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            let count = read_some(&mut self.reader, free)
                .map_err(|source| LayerError::Read { offset: self.offset + self.end as u64, source })?;
            self.ended = count == 0;
            self.end += count;
        }
        Ok(self.end)
    }

    /// Reads into `buffer`, by way of the window only if something is there or little is asked for.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        if self.start == self.end && !self.ended && buffer.len() >= DIRECT {
            let offset = self.offset;
            let most = buffer.len().min(CHUNK);
            let chunk = buffer.get_mut(..most).unwrap_or_default();
            let count =
                read_some(&mut self.reader, chunk).map_err(|source| LayerError::Read { offset, source })?;
            self.ended = count == 0;
            self.offset += count as u64;
            return Ok(count);
        }
        let count = self.fill(1)?.min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), self.bytes().get(..count)) {
            to.copy_from_slice(from);
        }
        self.advance(count);
        Ok(count)
    }

    pub(super) fn skip(&mut self, mut count: u64, path: &ImagePath) -> Result<(), LayerError> {
        count -= self.skip_available(count)?;
        if count == 0 {
            return Ok(());
        }
        Err(LayerError::Truncated { offset: self.offset, path: path.to_string() })
    }

    /// Skips up to `count` bytes; gives how many there were.
    pub(super) fn skip_available(&mut self, count: u64) -> Result<u64, LayerError> {
        let mut left = count;
        while left > 0 {
            if self.start == self.end && !self.ended {
                let passed = self
                    .reader
                    .hop(left)
                    .map_err(|source| LayerError::Read { offset: self.offset, source })?;
                self.offset = self.offset.saturating_add(passed);
                left = left.saturating_sub(passed);
                if passed > 0 {
                    continue;
                }
            }
            let found = self.fill(1)?;
            if found == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(found);
            self.advance(step);
            left -= step as u64;
        }
        Ok(count - left)
    }

    /// No more bytes: fine after a whole entry, also without end marker or with a part of one.
    pub(super) fn end_of_bytes(&mut self, entries: u64) -> Result<u64, LayerError> {
        if self.bytes().iter().all(|&byte| byte == 0) {
            return Ok(entries);
        }
        let offset = self.offset + self.bytes().len() as u64;
        Err(LayerError::Truncated { offset, path: "a header".to_owned() })
    }
}

/// Reads what is to be had at once; nothing only at the end.
fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
