//! eStargz: a gzip-compressed archive in which every chunk of a file begins a member of its own, with a table of
//! contents as the last file, and where that lies in the extra field of an empty member at the end.
//! Source: stargz-snapshotter, `docs/estargz.md`.

use std::io::{self, Read as _};

use sbom_inflate::GzipReader;

use super::{
    PartialError, Reading,
    ranges::Ranges,
    toc::{Toc, most_unpacked},
};
use crate::{
    digest::{Digest, DigestReader},
    image_path::ImagePath,
    layer::{Entry, EntryKind, EntrySink, LayerError, walk},
    limits::Limits,
};

/// The member at the end: header (10 bytes), length of the extra field (26), `SG`, length (22), the offset of the table
/// as 16 hex digits, `STARGZ`, an empty block (5), checksum and length (8).
const FOOTER: usize = 51;
/// What is fetched at first, in the hope that the table is in it.
const TAIL: u64 = 32 << 10;
/// The table's name in the archive.
const NAME: &str = "stargz.index.json";
/// How much longer than it may be stored a table may be.
const RATIO: u64 = 10;

/// Fetches the table of contents, proves it, and reads it.
pub(super) fn read_toc(
    ranges: &Ranges<'_>,
    digest: &Digest,
    reading: &Reading<'_>,
    sink: &dyn EntrySink,
) -> Result<Toc, PartialError> {
    let Reading { limits, memory, .. } = *reading;
    let size = ranges.size();
    let tail_start = size.saturating_sub(TAIL);
    let tail = ranges.read(tail_start..size)?;
    let start = footer(&tail)
        .filter(|start| start.saturating_add(FOOTER as u64) < size)
        .ok_or(PartialError::Footer)?;
    limits.toc_bytes.check(size.saturating_sub(start))?;
    let _share = memory.take(size.saturating_sub(start));
    let mut stored = if start < tail_start { ranges.read(start..tail_start)? } else { Vec::new() };
    let skipped = usize::try_from(start.saturating_sub(tail_start)).unwrap_or(usize::MAX);
    stored.extend_from_slice(tail.get(skipped..).unwrap_or_default());

    // Unpacked twice, so that nothing is read of a table before it is proved, and it is never in memory as a whole.
    let found = read_table(&stored, limits, |entry, content| {
        let mut reader = DigestReader::new(content, digest.algorithm());
        io::copy(&mut reader, &mut io::sink())?;
        let (found, bytes) = reader.finish();
        if bytes == entry.size { Ok(found) } else { Err(PartialError::Footer) }
    })?;
    if found != *digest {
        return Err(PartialError::TocDigest { expected: digest.clone(), found });
    }
    read_table(&stored, limits, |_, content| Toc::read(content, start, limits, sink))
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

/// Hands `read` the table: the only regular file of the archive, and the first of its entries. Whatever else comes first
/// might be taken for it, or keep something else from being taken for it.
fn read_table<T>(
    stored: &[u8],
    limits: &Limits,
    read: impl FnMut(&Entry, &mut dyn io::Read) -> Result<T, PartialError>,
) -> Result<T, PartialError> {
    let most = most_unpacked(stored.len() as u64).min(limits.toc_bytes.value.saturating_mul(RATIO));
    let mut table = Table { read, found: None };
    let walked = walk::walk(GzipReader::first_member(stored).take(most), limits, &mut table);
    match table.found {
        Some(Ok(found)) => walked.map(|_| found).map_err(PartialError::from),
        Some(Err(error)) => Err(error),
        None => walked.map_err(PartialError::from).and(Err(PartialError::Footer)),
    }
}

/// Takes the first entry of an archive.
struct Table<T, F> {
    read: F,
    found: Option<Result<T, PartialError>>,
}

impl<T, F> EntrySink for Table<T, F>
where
    F: FnMut(&Entry, &mut dyn io::Read) -> Result<T, PartialError>,
{
    fn entry(&mut self, entry: Entry, content: &mut dyn io::Read) -> Result<(), LayerError> {
        if self.found.is_none() {
            let is_table = entry.path == ImagePath::from(NAME) && entry.kind == EntryKind::File;
            self.found =
                Some(if is_table { (self.read)(&entry, content) } else { Err(PartialError::Footer) });
        }
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}
