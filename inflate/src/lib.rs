//! Inflates gzip without unsafe code, faster than what is safe to call elsewhere: the layers of a container image are a gigabyte of
//! it, and unpacking them is most of what reading an image takes.
//!
//! [`GzipReader`] reads files of several members, checks their checksums and lengths, and hands on all that comes before a fault
//! before it tells of it. However much is asked for at a time, the bytes and the error are the same.
//!
//! Sources: RFC 1951 (deflate), RFC 1952 (gzip).

mod codes;
mod gzip;
mod inflate;
mod window;

pub use gzip::GzipReader;

use std::io;

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// What should be a member is none, or one of another compression.
    #[error("damaged gzip data: no header of a member where one should be")]
    Header,
    /// The header of a member differs from its checksum.
    #[error("damaged gzip data: the header of a member does not have its checksum")]
    HeaderChecksum,
    /// A block is of no known type.
    #[error("damaged gzip data: a block is of no known type")]
    BlockType,
    /// The length of a stored block and its complement contradict each other.
    #[error("damaged gzip data: a stored block gives two lengths")]
    StoredLength,
    /// The codes of a block are too many, too few, or not described in full.
    #[error("damaged gzip data: the codes of a block are not complete")]
    Codes,
    /// Bits that are no code.
    #[error("damaged gzip data: bits that are no code of their block")]
    NoCode,
    /// A repetition of what lies before the beginning, or too far back.
    #[error("damaged gzip data: a repetition of what was never there")]
    Distance,
    /// The content of a member has another checksum than is given for it.
    #[error("damaged gzip data: the content of a member does not have its checksum")]
    Checksum,
    /// The content of a member has another length than is given for it.
    #[error("damaged gzip data: the content of a member does not have its length")]
    Length,
    /// A fault was told already, and there is nothing behind it.
    #[error("damaged gzip data was read before")]
    Before,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::new(io::ErrorKind::InvalidData, fault)
    }
}

/// That the data ends within a member.
fn ends_early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the gzip data ends too early")
}
