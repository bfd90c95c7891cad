//! The records of an extended header (PAX): `length keyword=value\n`, one after the other.

use std::ops::Range;

use super::TarError;

/// Of each keyword that matters, the value that was given last. An empty value is as good as none.
#[derive(Debug, Default)]
pub(super) struct Records {
    text: Vec<u8>,
    path: Range<usize>,
    link_path: Range<usize>,
    size: Range<usize>,
    major: Range<usize>,
    minor: Range<usize>,
    sparse_name: Range<usize>,
    sparse_size: Range<usize>,
    real_size: Range<usize>,
    blocks: Range<usize>,
    map: Range<usize>,
    /// How many numbers of a map came one by one. They stand behind the records then, as in a map of one record.
    pieces: usize,
}

/// The versions of sparse files in this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 0.0 and 0.1: the map is in the records.
    InRecords,
    /// 1.0: it comes before the content.
    InContent,
}

impl Records {
    /// Reads `body`; whatever was read before is gone.
    pub(super) fn read(&mut self, body: &[u8]) -> Result<(), TarError> {
        self.clear();
        self.text.extend_from_slice(body);
        let mut at = 0;
        while at < body.len() {
            at = self.record(body, at).ok_or(TarError::Record { at })?;
        }
        if self.pieces > 0 {
            self.map = body.len()..self.text.len();
        }
        Ok(())
    }

    /// Takes the record at `at` and gives where the next one begins.
    fn record(&mut self, body: &[u8], at: usize) -> Option<usize> {
        let rest = body.get(at..)?;
        let digits = memchr::memchr(b' ', rest)?;
        let length = usize::try_from(integer(rest.get(..digits)?)?).ok()?;
        let (&newline, record) = rest.get(digits + 1..length)?.split_last()?;
        let equals = memchr::memchr(b'=', record)?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        let has_nul = |text| memchr::memchr(0, text).is_some();
        if newline != b'\n' || length < 5 || key.is_empty() || has_nul(key) {
            return None;
        }
        let end = at + length - 1;
        let span = end - value.len()..end;
        match key {
            b"path" | b"linkpath" | b"uname" | b"gname" | b"GNU.sparse.name" if has_nul(value) => {
                return None;
            }
            b"path" => self.path = span,
            b"linkpath" => self.link_path = span,
            b"size" => self.size = span,
            b"GNU.sparse.major" => self.major = span,
            b"GNU.sparse.minor" => self.minor = span,
            b"GNU.sparse.name" => self.sparse_name = span,
            b"GNU.sparse.size" => self.sparse_size = span,
            b"GNU.sparse.realsize" => self.real_size = span,
            b"GNU.sparse.numblocks" => self.blocks = span,
            b"GNU.sparse.map" => self.map = span,
            b"GNU.sparse.offset" => self.piece(0, value)?,
            b"GNU.sparse.numbytes" => self.piece(1, value)?,
            _ => {}
        }
        Some(at + length)
    }

    /// Version 0.0 has a record for each number: offsets and lengths by turns.
    fn piece(&mut self, turn: usize, value: &[u8]) -> Option<()> {
        if self.pieces % 2 != turn || value.contains(&b',') {
            return None;
        }
        if self.pieces > 0 {
            self.text.push(b',');
        }
        self.text.extend_from_slice(value);
        self.pieces += 1;
        Some(())
    }

    pub(super) fn clear(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        *self = Self { text, ..Self::default() };
    }

    pub(super) fn path(&self) -> &[u8] {
        self.get(&self.path)
    }

    pub(super) fn link_path(&self) -> &[u8] {
        self.get(&self.link_path)
    }

    pub(super) fn size(&self) -> Result<Option<i64>, TarError> {
        self.number("size", &self.size)
    }

    /// The version of a sparse file, if it is one. Those of 0.0 and 0.1 need not say it.
    pub(super) fn sparse_version(&self) -> Option<Version> {
        match (self.get(&self.major), self.get(&self.minor)) {
            (b"0", b"0" | b"1") => Some(Version::InRecords),
            (b"1", b"0") => Some(Version::InContent),
            (b"", b"") if !self.map.is_empty() => Some(Version::InRecords),
            _ => None,
        }
    }

    /// The name of a sparse file.
    pub(super) fn sparse_name(&self) -> &[u8] {
        self.get(&self.sparse_name)
    }

    /// The length of a sparse file with its holes.
    pub(super) fn sparse_size(&self) -> Result<Option<i64>, TarError> {
        match self.number("GNU.sparse.size", &self.sparse_size)? {
            None => self.number("GNU.sparse.realsize", &self.real_size),
            size => Ok(size),
        }
    }

    /// The map of a sparse file, and how many runs it should have.
    pub(super) fn map(&self) -> Result<(&[u8], i64), TarError> {
        let runs = self.number("GNU.sparse.numblocks", &self.blocks)?;
        let runs = runs.ok_or(TarError::Sparse { reason: "lacks the number of its runs" })?;
        Ok((self.get(&self.map), runs))
    }

    fn number(&self, key: &'static str, span: &Range<usize>) -> Result<Option<i64>, TarError> {
        match self.get(span) {
            [] => Ok(None),
            text => integer(text).map(Some).ok_or_else(|| TarError::RecordNumber {
                key,
                value: String::from_utf8_lossy(text.get(..32).unwrap_or(text)).into_owned(),
            }),
        }
    }

    fn get(&self, span: &Range<usize>) -> &[u8] {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

/// A decimal number, which may have a sign.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
