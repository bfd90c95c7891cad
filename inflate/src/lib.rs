//! Inflates gzip and zlib without unsafe code: the layers of a container image are up to gigabytes of gzip, and unpacking them
//! is most of the work of reading an image.
//!
//! [`GzipReader`] reads files of several members, and [`ZlibReader`] one stream. Both check checksums and lengths, and hand on all
//! that comes before a fault before they tell of it. However much is asked for at a time, the bytes and the error are the same.
//! While a gzip is read, other bytes can be hashed with SHA-256 ([`Beside`]): on some processors in the time that inflating waits.
//!
//! Sources: RFC 1950 (zlib), RFC 1951 (deflate), RFC 1952 (gzip).

mod beside;
mod checksum;
mod codes;
mod inflate;
mod read;
mod run;
#[cfg(target_arch = "x86_64")]
mod schedule;
mod window;

pub use beside::{Beside, is_beside_possible};
pub use read::{GzipReader, ZlibReader};

use std::io;

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// What should be a member or a stream is none, or one of another compression, or needs a dictionary.
    #[error("damaged deflate data: no header where one should be")]
    Header,
    /// The header of a member differs from its checksum.
    #[error("damaged deflate data: the header of a member does not have its checksum")]
    HeaderChecksum,
    /// A block is of no known type.
    #[error("damaged deflate data: a block is of no known type")]
    BlockType,
    /// The length of a stored block and its complement contradict each other.
    #[error("damaged deflate data: a stored block gives two lengths")]
    StoredLength,
    /// The codes of a block are too many, too few, or not described in full.
    #[error("damaged deflate data: the codes of a block are not complete")]
    Codes,
    /// Bits that are no code.
    #[error("damaged deflate data: bits that are no code of their block")]
    NoCode,
    /// A repetition of what lies before the beginning, or too far back.
    #[error("damaged deflate data: a repetition of what was never there")]
    Distance,
    /// The content has another checksum than is given for it.
    #[error("damaged deflate data: the content does not have its checksum")]
    Checksum,
    /// The content has another length than is given for it.
    #[error("damaged deflate data: the content does not have its length")]
    Length,
    /// An error was told already, and nothing is read behind one.
    #[error("deflate data could not be read, and nothing behind that is")]
    Before,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::new(io::ErrorKind::InvalidData, fault)
    }
}

/// That the data ends within a member.
fn ends_early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the deflate data ends too early")
}

#[cfg(test)]
mod tests;
