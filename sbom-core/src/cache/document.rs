//! A document as it was written ↔ the body of an entry: what is missing from it, its bytes, compressed with zstd, and how many
//! they are (8 bytes, little-endian).
//!
//! Documents repeat themselves, so that they are unpacked in half the time that hashing them as they are would take. Its
//! key is of all that decides the bytes: of what decides the bill, of the subject as a whole, and of what is [`Asked`].

use std::{
    fmt::Display,
    io::{self, BufWriter, Read as _, Write},
    num::NonZeroUsize,
    ops::Range,
    sync::{Arc, mpsc},
};

use zstd::stream::{read::Decoder, write::Encoder};

use super::{
    CacheError, LayerCache,
    codec::{Body, Malformed, Reader, Record, Writer},
    entry::{FRAME_BYTES, Seal},
    folder::Draft,
    key::{Key, Of},
    records::{choice, record},
};
use crate::{
    document::{Document, Format, Inputs, Snapshot, Tool, model::Gap, stated::Stated},
    oci::{Image, LayerDescriptor, Platform, Proof, Subject, SubjectKind},
};

/// A higher level takes longer and saves little.
const LEVEL: i32 = 1;
/// What is looked back at: 512 KiB, for which either side makes room.
const WINDOW_LOG: u32 = 19;
/// Bytes of the text that are collected before they are compressed,
const COLLECTED: usize = 1 << 15;
/// and that are handed on at a time.
const PIECE: usize = 1 << 17;
/// Bytes of a text that is worth a thread,
const LONG: u64 = 1 << 20;
/// and pieces that may wait to be written.
const AHEAD: usize = 4;

/// What decides the bytes of a document beside the bill and the subject.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The format.
    pub format: Format,
    /// What the document says beside its content.
    pub inputs: &'a Inputs,
    /// The facts that are put into it before it is written.
    pub stated: &'a Stated,
}

impl Asked<'_> {
    pub(super) fn put(&self, out: &mut Writer) {
        let Self { format, inputs, stated } = self;
        // The bytes are the same for any number of jobs.
        let Inputs { timestamp, tool, options_fingerprint, columns, snapshot, jobs: _ } = inputs;
        let Tool { name, version } = tool;
        let Snapshot { sha, reference, job, correlator } = snapshot;
        format.to_string().put(out);
        timestamp.unix().put(out);
        columns.put(out);
        for text in [name, version, options_fingerprint, sha, reference, job, correlator] {
            text.put(out);
        }
        stated.fingerprint().put(out);
    }
}

/// A document that was found in the cache.
#[derive(Debug, Clone)]
pub struct KeptDocument {
    /// What could not be read, as [`Document::gaps`] has it.
    pub gaps: Vec<Gap>,
    /// How many further gaps there are, as [`Document::gaps_not_listed`] has it.
    pub gaps_not_listed: u64,
    entry: Arc<Vec<u8>>,
    /// Where its compressed text lies.
    text: Range<usize>,
    /// Bytes of the text.
    length: u64,
}

impl KeptDocument {
    /// How many bytes the document has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes the document, as it was written before; a long one is unpacked beside it, if there are several `jobs`. The errors
    /// are those of `out`; and one of the kind `InvalidData` if the entry holds no document, which only one does that somebody
    /// else than a scan has sealed.
    pub fn write(&self, jobs: NonZeroUsize, out: &mut dyn Write) -> io::Result<()> {
        let (pieces, unpacked) = mpsc::sync_channel::<(Vec<u8>, usize)>(AHEAD);
        let (written, spare) = mpsc::channel();
        std::thread::scope(|scope| {
            let unpack = move || {
                self.unpack(vec![0; PIECE], |piece, length| {
                    // Nobody takes it once `out` has failed, which is what is told then.
                    pieces.send((piece, length)).map_err(io::Error::other)?;
                    Ok(spare.try_recv().unwrap_or_else(|_| vec![0; PIECE]))
                })
            };
            let is_worth_it = jobs.get() > 1 && self.length >= LONG;
            let unpacking = is_worth_it.then(|| std::thread::Builder::new().spawn_scoped(scope, unpack));
            let Some(Ok(unpacking)) = unpacking else {
                return self.unpack(vec![0; PIECE], |piece, length| {
                    out.write_all(piece.get(..length).unwrap_or_default())?;
                    Ok(piece)
                });
            };
            for (piece, length) in unpacked {
                out.write_all(piece.get(..length).unwrap_or_default())?;
                let _ = written.send(piece);
            }
            unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Hands `take` the text piece by piece: a buffer of [`PIECE`] bytes and how many of them are the text. It gives back a buffer
    /// for the next piece.
    fn unpack(
        &self,
        mut buffer: Vec<u8>,
        mut take: impl FnMut(Vec<u8>, usize) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let forged = |why: &dyn Display| {
            let message = format!(
                "the cache holds no document where one should be, `sbomctl cache prune --all` removes it: {why}"
            );
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        let mut text = Decoder::with_buffer(self.entry.get(self.text.clone()).unwrap_or_default())?;
        text.window_log_max(WINDOW_LOG)?;
        let mut left = self.length;
        loop {
            let length = text.read(&mut buffer).map_err(|error| forged(&error))?;
            left = left.checked_sub(length as u64).ok_or_else(|| forged(&"it is too long"))?;
            match (length, left) {
                (0, 0) => return Ok(()),
                (0, _) => return Err(forged(&"it is too short")),
                _ => buffer = take(buffer, length)?,
            }
        }
    }
}

pub(super) fn read(body: &Body<'_>) -> Result<KeptDocument, Malformed> {
    let mut input = Reader::within(body);
    let (gaps, gaps_not_listed) = Record::take(&mut input)?;
    let rest = body.bytes().len().checked_sub(input.left()).and_then(|at| body.bytes().get(at..));
    let (text, length) = rest.and_then(<[u8]>::split_last_chunk).ok_or(Malformed)?;
    let begin = body.at.end.checked_sub(input.left()).ok_or(Malformed)?;
    let text = begin..begin.saturating_add(text.len());
    let length = u64::from_le_bytes(*length);
    Ok(KeptDocument { gaps, gaps_not_listed, entry: Arc::clone(body.entry), text, length })
}

/// An entry that grows while a document is written. Nothing is kept before its [end](Keeping::finish).
pub(crate) struct Keeping<'a> {
    /// None once it is too long, or cannot be written.
    text: Option<BufWriter<Encoder<'static, Growing<'a>>>>,
    /// Bytes of the text so far.
    length: u64,
}

/// What is there of the entry.
struct Growing<'a> {
    cache: &'a LayerCache,
    key: Key,
    seal: Seal,
    draft: Draft<'a>,
    /// Bytes that may still follow.
    left: u64,
}

impl LayerCache {
    /// Begins to keep `document`; none if nothing is to be kept.
    pub(crate) fn keep_document(&self, key: Key, document: &Document) -> Option<Keeping<'_>> {
        if !self.state().writes {
            return None;
        }
        let left = self.entry_limit(Of::Document).value.saturating_sub(FRAME_BYTES);
        let mut gaps = Writer::within(usize::try_from(left).unwrap_or(usize::MAX));
        document.gaps.put(&mut gaps);
        document.gaps_not_listed.put(&mut gaps);
        let gaps = gaps.finish()?;
        let (seal, head) = Seal::new(&key);
        let mut draft = self.folder.draft();
        let begun = self.timed(|| {
            self.folder.make()?;
            draft.write(&head)
        });
        if let Err(error) = begun {
            self.fail(error);
            return None;
        }
        let mut growing = Growing { cache: self, key, seal, draft, left };
        growing.write_all(&gaps).ok()?;
        let mut encoder = Encoder::new(growing, LEVEL).ok()?;
        encoder.window_log(WINDOW_LOG).ok()?;
        encoder.include_checksum(true).ok()?;
        Some(Keeping { text: Some(BufWriter::with_capacity(COLLECTED, encoder)), length: 0 })
    }
}

impl Keeping<'_> {
    /// Adds to the text.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.text.as_mut().is_some_and(|text| text.write_all(bytes).is_err()) {
            self.text = None;
        }
    }

    /// Keeps what was written, which is all of it.
    pub(crate) fn finish(self) {
        let encoder = self.text.and_then(|text| text.into_inner().ok());
        let Some(mut grown) = encoder.and_then(|encoder| encoder.finish().ok()) else { return };
        if grown.write_all(&self.length.to_le_bytes()).is_err() {
            return;
        }
        let Growing { cache, key, seal, mut draft, left: _ } = grown;
        let tail = seal.finish();
        let put = || -> Result<(), CacheError> {
            draft.write(&tail)?;
            draft.put(&key)
        };
        cache.after_writing(cache.timed(put));
    }
}

/// Fails where no more is to be written, for whatever reason.
impl Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64).filter(|_| self.cache.state().writes);
        self.left = left.ok_or(io::ErrorKind::StorageFull)?;
        self.seal.add(bytes);
        if let Err(error) = self.cache.timed(|| self.draft.write(bytes)) {
            self.cache.fail(error);
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

record!(Gap { kind, message, layer, diff_id, path, offset, detector });

record!(Subject { kind, name, tag, layers });
choice!(SubjectKind { 0 => Image(image), 1 => Folder, 2 => File(digest) });
record!(Image {
    manifest_digest,
    manifest_sha512,
    index_digest,
    config_digest,
    platform,
    created,
    labels,
    repository,
    tags,
});
record!(Platform { os, architecture, variant, os_version });
record!(LayerDescriptor { index, digest, size, diff_id, media_type, created_by, partial });
choice!(Proof { 0 => Estargz, 1 => ZstdChunked, 2 => Nothing });
