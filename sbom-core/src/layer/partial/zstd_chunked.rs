//! zstd:chunked: an archive in which every chunk of a file is a Zstandard frame of its own, with a table of contents
//! in a frame that decoders skip. Where that lies, and what it hashes to, the manifest says.
//! Source: containers/storage, `pkg/chunked`.

use std::{io::Read as _, str::FromStr};

use super::{
    PartialError, Reading,
    ranges::Ranges,
    toc::{Toc, most_unpacked},
};
use crate::{
    digest::{Digest, Hasher},
    layer::{
        EntrySink,
        decompress::{ZSTD_WINDOW_BYTES, ZSTD_WINDOW_LOG_MAX},
    },
};

/// Where the table of contents lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its first byte, as stored.
    pub offset: u64,
    /// Its length, as stored.
    pub length: u64,
    /// Its length, unpacked.
    pub unpacked: u64,
}

/// A text does not say where a table of contents of a known kind lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected OFFSET:LENGTH:UNPACKED:1")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let numbers: Vec<u64> = text
            .split(':')
            .take(5)
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()
            .ok_or(PositionError)?;
        match *numbers {
            // 1 is the table of CRFS, the only one there is.
            [offset, length, unpacked, 1] => Ok(Self { offset, length, unpacked }),
            _ => Err(PositionError),
        }
    }
}

/// Fetches the table of contents, proves it, and reads it.
pub(super) fn read_toc(
    ranges: &Ranges<'_>,
    digest: &Digest,
    position: Position,
    reading: &Reading<'_>,
    sink: &dyn EntrySink,
) -> Result<Toc, PartialError> {
    let Reading { limits, memory, .. } = *reading;
    limits.toc_bytes.check(position.length)?;
    limits.toc_bytes.check(position.unpacked / 10)?;
    if position.unpacked > most_unpacked(position.length) {
        return Err(PartialError::MoreThanWhole);
    }
    let end = position.offset.checked_add(position.length).ok_or(PartialError::MoreThanWhole)?;
    let window = ZSTD_WINDOW_BYTES.min(position.unpacked);
    let _share = memory.take(position.length.saturating_add(window));
    let stored = ranges.read(position.offset..end)?;
    let mut hasher = Hasher::new(digest.algorithm());
    hasher.update(&stored);
    let found = hasher.finish();
    if found != *digest {
        return Err(PartialError::TocDigest { expected: digest.clone(), found });
    }
    let mut decoder = zstd::Decoder::with_buffer(stored.as_slice())?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Toc::read(decoder.take(position.unpacked), position.offset, limits, sink)
}
