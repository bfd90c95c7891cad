//! What an entry holds, its holes filled by zeros.

use std::io::{self, Read};

use super::{Archive, LayerError, window::Window};
use crate::{image_path::ImagePath, limits::Limit, tar_headers::Run};

/// The stored bytes of one entry. Its errors hold a [`LayerError`], which says where.
pub(super) struct Content<'w, R> {
    pub(super) window: &'w mut Window<R>,
    pub(super) left: u64,
    pub(super) path: &'w ImagePath,
}

impl<R: Archive> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.window.read(buffer.get_mut(..most).unwrap_or_default());
        let count = read.map_err(|error| match error.within(self.path) {
            LayerError::Content { source, offset, path } => {
                io::Error::new(source.kind(), LayerError::Content { source, offset, path })
            }
            other => io::Error::other(other),
        })?;
        if count == 0 {
            let (offset, path) = (self.window.offset, self.path.to_string());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, LayerError::Truncated { offset, path }));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Where a sparse file has data, and how much of holes may be handed on.
pub(super) struct Sparse<'h> {
    pub(super) map: Vec<Run>,
    /// Bytes of holes handed on in this layer.
    pub(super) holes: &'h mut u64,
    pub(super) most: Limit,
}

/// A sparse file with its holes filled by zeros.
pub(super) struct Expanded<'c, C> {
    content: &'c mut C,
    sparse: Sparse<'c>,
    /// Index into the map of the run at or after `at`.
    next: usize,
    at: u64,
    size: u64,
}

impl<'c, C> Expanded<'c, C> {
    /// `content` spread over `size` bytes.
    pub(super) fn new(content: &'c mut C, sparse: Sparse<'c>, size: u64) -> Self {
        Self { content, sparse, next: 0, at: 0, size }
    }
}

impl<C: Read> Read for Expanded<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let map = &self.sparse.map;
        while map.get(self.next).is_some_and(|run| run.offset.saturating_add(run.length) <= self.at) {
            self.next += 1;
        }
        let run = map.get(self.next).filter(|run| run.offset < self.size);
        let (is_data, end) = match run {
            Some(run) if run.offset <= self.at => {
                (true, run.offset.saturating_add(run.length).min(self.size))
            }
            Some(run) => (false, run.offset),
            None => (false, self.size),
        };
        let length = end.saturating_sub(self.at).min(buffer.len() as u64);
        let Some(buffer) = usize::try_from(length).ok().and_then(|length| buffer.get_mut(..length)) else {
            return Ok(0);
        };
        let count = if is_data {
            match self.content.read(buffer)? {
                0 if !buffer.is_empty() => return Err(missing(self.at)),
                count => count,
            }
        } else {
            *self.sparse.holes = self.sparse.holes.saturating_add(length);
            self.sparse.most.check(*self.sparse.holes).map_err(io::Error::other)?;
            buffer.fill(0);
            buffer.len()
        };
        self.at += count as u64;
        Ok(count)
    }
}

fn missing(at: u64) -> io::Error {
    let message = format!("less is stored of this sparse file than its map says: nothing from byte {at} on");
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}
