//! Layers with a table of contents: eStargz and zstd:chunked, as their own tools write them.
//! Sources: stargz-snapshotter, `docs/estargz.md`; containers/storage, `pkg/chunked`.

use serde_json::{Map, Value, json};
use tar::EntryType;

use crate::{
    archive::{Compression, TarBuilder, compress},
    image::digest,
};

/// Changes a table of contents before it is hashed.
pub type TocEdit = fn(&mut Value);

/// A layer as stored, the archive in it, and what its descriptor says of it.
pub(crate) struct Chunked {
    pub(crate) stored: Vec<u8>,
    pub(crate) tar: Vec<u8>,
    pub(crate) annotations: Vec<(String, String)>,
}

/// What is written, compressed piece by piece.
struct Writer {
    codec: Compression,
    out: Vec<u8>,
    /// What is to go into the next member or frame.
    pending: Vec<u8>,
}

impl Writer {
    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.out.extend(compress(&self.pending, self.codec));
            self.pending.clear();
        }
    }
}

/// The layer as eStargz, with files in chunks of `chunk` bytes.
pub(crate) fn estargz(tar: &[u8], chunk: usize, edit: Option<TocEdit>) -> Chunked {
    let landmark = TarBuilder::new().file(".no.prefetch.landmark", [0xf]).without_end().build();
    let archive = [&landmark, tar].concat();
    let mut writer = Writer { codec: Compression::Gzip, out: Vec::new(), pending: Vec::new() };
    let (entries, end) = write(&archive, chunk, &mut writer);
    writer.flush();
    let offset = writer.out.len();
    let toc = toc(&entries, edit);
    let table = TarBuilder::new().file("stargz.index.json", &toc).build();
    writer.out.extend(compress(&table, Compression::Gzip));
    writer.out.extend(estargz_footer(offset as u64));
    let tar = [archive.get(..end).unwrap_or_default(), &table].concat();
    let annotation = ("containerd.io/snapshot/stargz/toc.digest".to_owned(), digest(&toc));
    Chunked { stored: writer.out, tar, annotations: vec![annotation] }
}

/// The empty member that says where the table of contents lies.
pub fn estargz_footer(offset: u64) -> Vec<u8> {
    let mut footer = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 26, 0, b'S', b'G', 22, 0];
    footer.extend_from_slice(format!("{offset:016x}STARGZ").as_bytes());
    footer.extend_from_slice(&[1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
    footer
}

/// The layer as zstd:chunked, with files in chunks of `chunk` bytes.
pub(crate) fn zstd_chunked(tar: &[u8], chunk: usize, edit: Option<TocEdit>) -> Chunked {
    let mut writer = Writer { codec: Compression::Zstd, out: Vec::new(), pending: Vec::new() };
    let (entries, end) = write(tar, chunk, &mut writer);
    writer.pending.extend_from_slice(tar.get(end..).unwrap_or_default());
    writer.flush();
    let mut stored = writer.out;
    let toc = toc(&entries, edit);
    let table = compress(&toc, Compression::Zstd);
    let offset = stored.len() + 8;
    stored.extend(skipped(&table));
    let split = stored.len() + 8;
    stored.extend(skipped(&[]));
    let numbers = [offset, table.len(), toc.len(), 1, split, 0, 0];
    let mut footer: Vec<u8> = numbers.iter().flat_map(|number| (*number as u64).to_le_bytes()).collect();
    footer.extend_from_slice(b"GNUlInUx");
    stored.extend(skipped(&footer));
    let name = |name: &str| format!("io.github.containers.zstd-chunked.{name}");
    let position = format!("{offset}:{}:{}:1", table.len(), toc.len());
    let annotations =
        vec![(name("manifest-checksum"), digest(&table)), (name("manifest-position"), position)];
    Chunked { stored, tar: tar.to_vec(), annotations }
}

/// A frame that decoders skip.
fn skipped(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&[0x50, 0x2a, 0x4d, 0x18][..], &length, bytes].concat()
}

fn toc(entries: &[Value], edit: Option<TocEdit>) -> Vec<u8> {
    let mut toc = json!({ "version": 1, "entries": entries });
    if let Some(edit) = edit {
        edit(&mut toc);
    }
    toc.to_string().into_bytes()
}

/// Writes the entries of `tar`; the table's entries, and where in `tar` the last of them ends.
#[expect(clippy::expect_used, reason = "a test whose own archive is damaged has failed")]
fn write(tar: &[u8], chunk: usize, writer: &mut Writer) -> (Vec<Value>, usize) {
    let mut table = Vec::new();
    let mut at = 0;
    for entry in tar::Archive::new(tar).entries().expect("an archive") {
        let entry = entry.expect("an entry");
        let from = usize::try_from(entry.raw_file_position()).expect("in memory");
        let size = usize::try_from(entry.header().entry_size().unwrap_or(0)).expect("in memory");
        let content = tar.get(from..from + size).expect("its content");
        writer.pending.extend_from_slice(tar.get(at..from).expect("its headers"));
        at = (from + size).next_multiple_of(512);
        let described = describe(&entry, content.len());
        let is_file = entry.header().entry_type() == EntryType::Regular;
        if is_file && !content.is_empty() {
            writer.flush();
            table.extend(write_file(&described, content, chunk, writer));
        } else {
            writer.pending.extend_from_slice(content);
            table.push(Value::Object(described));
        }
        writer.pending.extend_from_slice(tar.get(from + size..at).expect("its padding"));
    }
    (table, at)
}

fn describe<R: std::io::Read>(entry: &tar::Entry<'_, R>, size: usize) -> Map<String, Value> {
    let kind = match entry.header().entry_type() {
        EntryType::Directory => "dir",
        EntryType::Symlink => "symlink",
        EntryType::Link => "hardlink",
        EntryType::Fifo => "fifo",
        _ => "reg",
    };
    let text = |bytes: &[u8]| Value::String(String::from_utf8_lossy(bytes).into_owned());
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(kind));
    map.insert("name".to_owned(), text(&entry.path_bytes()));
    map.insert("mode".to_owned(), json!(entry.header().mode().unwrap_or(0)));
    if let Some(target) = entry.link_name_bytes() {
        map.insert("linkName".to_owned(), text(&target));
    }
    if kind == "reg" && size > 0 {
        map.insert("size".to_owned(), json!(size));
    }
    map
}

/// The entries of one file: itself, and its further chunks.
fn write_file(first: &Map<String, Value>, content: &[u8], chunk: usize, writer: &mut Writer) -> Vec<Value> {
    let is_zstd = writer.codec == Compression::Zstd;
    let name = first.get("name").cloned().unwrap_or_default();
    let mut entries = Vec::new();
    let mut covered = 0;
    let count = content.chunks(chunk).len();
    for bytes in content.chunks(chunk) {
        writer.flush();
        let mut entry =
            if covered == 0 { first.clone() } else { Map::from_iter([("name".to_owned(), name.clone())]) };
        let mut set = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        if covered == 0 {
            set("digest", json!(digest(content)));
        } else {
            set("type", json!("chunk"));
            set("chunkOffset", json!(covered));
        }
        set("offset", json!(writer.out.len()));
        // As the tools have it: in eStargz the last chunk goes to the end of the file, in zstd:chunked a single one does.
        if if is_zstd { count > 1 } else { covered + bytes.len() < content.len() } {
            set("chunkSize", json!(bytes.len()));
        }
        if !is_zstd || count > 1 {
            set("chunkDigest", json!(digest(bytes)));
        }
        if is_zstd && count > 1 && bytes.iter().all(|byte| *byte == 0) {
            set("chunkType", json!("zeros"));
        }
        covered += bytes.len();
        entries.push(Value::Object(entry));
        writer.pending.extend_from_slice(bytes);
    }
    if is_zstd {
        writer.flush();
    }
    entries
}
