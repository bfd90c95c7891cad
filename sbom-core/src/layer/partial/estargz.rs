//! eStargz: a gzip-compressed archive in which every chunk of a file begins a member of its own, with a table of
//! contents as the last file, and where that lies in the extra field of an empty member at the end.
//! Source: stargz-snapshotter, `docs/estargz.md`.

use std::io::{self, Read as _};

use flate2::read::GzDecoder;

use super::{PartialError, ranges::Ranges, toc::Toc};
use crate::{
    digest::{Digest, DigestReader},
    image_path::ImagePath,
    layer::{Entry, EntrySink, LayerError, walk},
    limits::Limits,
};

/// The member at the end: header (10 bytes), length of the extra field (26), `SG`, length (22), the offset of the table
/// as 16 hex digits, `STARGZ`, an empty block (5), checksum and length (8).
const FOOTER: usize = 51;
/// What is fetched at first, in the hope that the table is in it.
const TAIL: u64 = 32 << 10;
/// The table's name in the archive.
const NAME: &str = "stargz.index.json";
/// How much longer than stored a table may be.
const RATIO: u64 = 10;

/// Fetches the table of contents, proves it, and reads it.
pub(super) fn read_toc(
    ranges: &Ranges<'_>,
    digest: &Digest,
    limits: &Limits,
    sink: &dyn EntrySink,
) -> Result<Toc, PartialError> {
    let size = ranges.size();
    let tail_start = size.saturating_sub(TAIL);
    let tail = ranges.read(tail_start..size)?;
    let start = footer(&tail)
        .filter(|start| start.saturating_add(FOOTER as u64) < size)
        .ok_or(PartialError::Footer)?;
    limits.toc_bytes.check(size.saturating_sub(start))?;
    let mut stored = if start < tail_start { ranges.read(start..tail_start)? } else { Vec::new() };
    let skipped = usize::try_from(start.saturating_sub(tail_start)).unwrap_or(usize::MAX);
    stored.extend_from_slice(tail.get(skipped..).unwrap_or_default());

    let most = limits.toc_bytes.value.saturating_mul(RATIO);
    let mut proof = Prove { digest, found: None };
    open(&stored, most, limits, &mut proof)?;
    match proof.found {
        Some(found) if found == *digest => {}
        Some(found) => return Err(PartialError::TocDigest { expected: digest.clone(), found }),
        None => return Err(PartialError::Footer),
    }
    // Twice unpacked, so that nothing is read of a table before it is proved, and it is never in memory as a whole.
    let mut parse = Parse { end: start, limits, sink, read: None };
    open(&stored, most, limits, &mut parse)?;
    parse.read.unwrap_or(Err(PartialError::Footer))
}

/// The offset of the table of contents.
fn footer(tail: &[u8]) -> Option<u64> {
    let footer = tail.last_chunk::<FOOTER>()?;
    let head = footer.get(..16)?;
    let (magic, extra) = (head.get(..4)?, head.get(10..16)?);
    if magic != [0x1f, 0x8b, 8, 4] || extra != [26, 0, b'S', b'G', 22, 0] || footer.get(32..38)? != b"STARGZ"
    {
        return None;
    }
    let digits = std::str::from_utf8(footer.get(16..32)?).ok()?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// Walks the archive that holds the table and nothing else.
fn open(stored: &[u8], most: u64, limits: &Limits, sink: &mut dyn EntrySink) -> Result<(), PartialError> {
    walk::walk(GzDecoder::new(stored).take(most), limits, sink)?;
    Ok(())
}

fn is_table(entry: &Entry) -> bool {
    entry.path == ImagePath::from(NAME)
}

/// Hashes the table.
struct Prove<'a> {
    digest: &'a Digest,
    found: Option<Digest>,
}

impl EntrySink for Prove<'_> {
    fn entry(&mut self, entry: Entry, content: &mut dyn io::Read) -> Result<(), LayerError> {
        if !is_table(&entry) || self.found.is_some() {
            return Ok(());
        }
        let failed = |source| LayerError::Read { offset: 0, source };
        let mut reader = DigestReader::new(content, self.digest.algorithm());
        io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
        let (found, bytes) = reader.finish();
        if bytes == entry.size {
            self.found = Some(found);
        }
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

/// Reads the table.
struct Parse<'a> {
    end: u64,
    limits: &'a Limits,
    sink: &'a dyn EntrySink,
    read: Option<Result<Toc, PartialError>>,
}

impl EntrySink for Parse<'_> {
    fn entry(&mut self, entry: Entry, content: &mut dyn io::Read) -> Result<(), LayerError> {
        if is_table(&entry) && self.read.is_none() {
            self.read = Some(Toc::read(content, self.end, self.limits, self.sink));
        }
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}
