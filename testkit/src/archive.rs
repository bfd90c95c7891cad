//! Tar archives, entry by entry, well-formed or not: layers of images and the archives that images travel in.

use std::io::Write as _;

use serde_json::{Map, Value, json};
use tar::{EntryType, Header};

use crate::{
    chunked::{self, Chunked, TocEdit},
    image::{Blob, digest},
};

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As the tar archive it is.
    None,
    /// As one gzip member.
    #[default]
    Gzip,
    /// As two gzip members, one after the other, as parallel compressors write them.
    GzipMultiMember,
    /// As a zstd frame.
    Zstd,
    /// As eStargz, with files in chunks of so many bytes.
    Estargz(usize),
    /// As zstd:chunked, with files in chunks of so many bytes.
    ZstdChunked(usize),
}

/// Builds a tar archive, deterministic to the byte.
///
/// Names are written as given: `../x` stays `../x`. What is too long for a header goes into a GNU long name.
#[derive(Debug, Clone)]
pub struct TarBuilder {
    bytes: Vec<u8>,
    mode: Option<u32>,
    ended: bool,
    /// Where the last header begins.
    last: usize,
}

impl Default for TarBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TarBuilder {
    /// An archive without entries.
    pub fn new() -> Self {
        Self { bytes: Vec::new(), mode: None, ended: false, last: 0 }
    }

    /// The permission bits of the entries that follow; otherwise `0o644`, for directories `0o755`.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// A regular file.
    #[must_use]
    pub fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Regular, path.as_ref(), b"", content.as_ref())
    }

    /// A directory.
    #[must_use]
    pub fn dir(self, path: impl AsRef<[u8]>) -> Self {
        let mut path = path.as_ref().to_vec();
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        self.entry(EntryType::Directory, &path, b"", b"")
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Symlink, path.as_ref(), target.as_ref(), b"")
    }

    /// A hard link to an earlier entry.
    #[must_use]
    pub fn hardlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Link, path.as_ref(), target.as_ref(), b"")
    }

    /// A FIFO.
    #[must_use]
    pub fn fifo(self, path: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Fifo, path.as_ref(), b"", b"")
    }

    /// The marker that hides `path` of lower layers.
    #[must_use]
    pub fn whiteout(self, path: &str) -> Self {
        let (parent, name) = path.rsplit_once('/').map_or(("", path), |(parent, name)| (parent, name));
        let slash = if parent.is_empty() { "" } else { "/" };
        self.file(format!("{parent}{slash}.wh.{name}"), b"")
    }

    /// The marker that hides what lower layers have in the directory `path`.
    #[must_use]
    pub fn opaque(self, path: &str) -> Self {
        let slash = if path.is_empty() { "" } else { "/" };
        self.file(format!("{path}{slash}.wh..wh..opq"), b"")
    }

    /// A regular file whose name stands in a PAX header; the ordinary header says `placeholder`.
    #[must_use]
    pub fn pax_name(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.pax([("path", path.as_ref())]).file("placeholder", content)
    }

    /// A PAX header for the next entry.
    #[must_use]
    pub fn pax<'a>(self, records: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut body = Vec::new();
        for (key, value) in records {
            // The length counts its own digits.
            let rest = key.len() + value.len() + 3;
            let length = (1..=20).map(|digits| rest + digits).find(|n| n.to_string().len() + rest == *n);
            body.extend_from_slice(format!("{} {key}=", length.unwrap_or(rest)).as_bytes());
            body.extend_from_slice(value);
            body.push(b'\n');
        }
        self.entry(EntryType::XHeader, b"pax", b"", &body)
    }

    /// An entry of any kind, with a link target and content.
    #[must_use]
    pub fn entry(mut self, kind: EntryType, path: &[u8], target: &[u8], content: &[u8]) -> Self {
        for (long, kind) in [(target, EntryType::GNULongLink), (path, EntryType::GNULongName)] {
            if long.len() > 100 {
                let terminated = [long, b"\0"].concat();
                self.append(&header(kind, 0o644, b"././@LongLink", b"", terminated.len()), &terminated);
            }
        }
        let usual = if kind == EntryType::Directory { 0o755 } else { 0o644 };
        self.append(&header(kind, self.mode.unwrap_or(usual), path, target, content.len()), content);
        self
    }

    /// Changes the block of the last header, and makes its checksum good.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut [u8])) -> Self {
        if let Some(block) = self.bytes.get_mut(self.last..self.last + 512) {
            change(block);
            let mut header = Header::new_old();
            header.as_mut_bytes().copy_from_slice(block);
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
        self
    }

    /// Writes `value` into the block of the last header, from byte `at` on.
    #[must_use]
    pub fn field(self, at: usize, value: impl AsRef<[u8]>) -> Self {
        self.edit(|block| {
            for (slot, byte) in block.iter_mut().skip(at).zip(value.as_ref()) {
                *slot = *byte;
            }
        })
    }

    /// Bytes as they are, such as a damaged header.
    #[must_use]
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self
    }

    /// Leaves out the two empty blocks at the end.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.ended = true;
        self
    }

    /// The archive.
    pub fn build(mut self) -> Vec<u8> {
        if !self.ended {
            self.bytes.extend_from_slice(&[0; 1024]);
        }
        self.bytes
    }

    fn append(&mut self, header: &Header, content: &[u8]) {
        self.last = self.bytes.len();
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(content);
        let padded = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(padded, 0);
    }
}

fn header(kind: EntryType, mode: u32, path: &[u8], target: &[u8], size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size as u64);
    let old = header.as_old_mut();
    for (field, value) in [(&mut old.name, path), (&mut old.linkname, target)] {
        for (slot, byte) in field.iter_mut().zip(value) {
            *slot = *byte;
        }
    }
    header.set_cksum();
    header
}

/// Builds one layer of an image: a tar archive and the form in which it is stored.
#[derive(Debug, Clone, Default)]
pub struct LayerBuilder {
    tar: TarBuilder,
    compression: Compression,
    media_type: Option<String>,
    stored: Option<Vec<u8>>,
    edit_toc: Option<TocEdit>,
}

/// Passes what adds entries on to the [`TarBuilder`].
macro_rules! entries {
    ($($(#[doc = $doc:literal])+ $name:ident($($argument:ident: $kind:ty),*);)+) => {
        impl LayerBuilder {
            $(
                $(#[doc = $doc])+
                #[must_use]
                pub fn $name(mut self, $($argument: $kind),*) -> Self {
                    self.tar = self.tar.$name($($argument),*);
                    self
                }
            )+
        }
    };
}

entries! {
    /// See [`TarBuilder::mode`].
    mode(mode: u32);
    /// See [`TarBuilder::file`].
    file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>);
    /// See [`TarBuilder::dir`].
    dir(path: impl AsRef<[u8]>);
    /// See [`TarBuilder::symlink`].
    symlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>);
    /// See [`TarBuilder::hardlink`].
    hardlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>);
    /// See [`TarBuilder::fifo`].
    fifo(path: impl AsRef<[u8]>);
    /// See [`TarBuilder::whiteout`].
    whiteout(path: &str);
    /// See [`TarBuilder::opaque`].
    opaque(path: &str);
    /// See [`TarBuilder::pax_name`].
    pax_name(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>);
    /// See [`TarBuilder::raw`].
    raw(bytes: impl AsRef<[u8]>);
    /// See [`TarBuilder::without_end`].
    without_end();
}

impl LayerBuilder {
    /// How the layer is stored; gzip otherwise.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// A media type of its own choice.
    #[must_use]
    pub fn media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    /// Stores these bytes in place of the archive; the configuration still names the archive.
    #[must_use]
    pub fn stored(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stored = Some(bytes.as_ref().to_vec());
        self
    }

    /// Changes the table of contents of a layer that has one, before it is hashed.
    #[must_use]
    pub fn edit_toc(mut self, edit: TocEdit) -> Self {
        self.edit_toc = Some(edit);
        self
    }

    pub(crate) fn build(self, docker: bool) -> Layer {
        let tar = self.tar.build();
        let Chunked { stored, tar, annotations } = match self.compression {
            Compression::Estargz(chunk) => chunked::estargz(&tar, chunk, self.edit_toc),
            Compression::ZstdChunked(chunk) => chunked::zstd_chunked(&tar, chunk, self.edit_toc),
            other => Chunked { stored: compress(&tar, other), tar, annotations: Vec::new() },
        };
        let bytes = self.stored.unwrap_or(stored);
        let usual = || match (docker, self.compression) {
            (false, Compression::None) => "application/vnd.oci.image.layer.v1.tar",
            (false, Compression::Zstd | Compression::ZstdChunked(_)) => {
                "application/vnd.oci.image.layer.v1.tar+zstd"
            }
            (false, _) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (true, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
            (true, Compression::Zstd | Compression::ZstdChunked(_)) => {
                "application/vnd.docker.image.rootfs.diff.tar.zstd"
            }
            (true, _) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        };
        let media_type = self.media_type.unwrap_or_else(|| usual().to_owned());
        Layer { diff_id: digest(&tar), tar, blob: Blob::new(&media_type, bytes), annotations }
    }
}

/// A layer as built.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As stored.
    pub blob: Blob,
    /// Digest of the uncompressed archive.
    pub diff_id: String,
    /// The uncompressed archive.
    pub tar: Vec<u8>,
    /// What its descriptor in the manifest says of it.
    pub annotations: Vec<(String, String)>,
}

impl Layer {
    /// Points at the layer, with its annotations.
    pub fn descriptor(&self) -> Value {
        let mut descriptor = self.blob.descriptor();
        let annotations: Map<String, Value> =
            self.annotations.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        if let (false, Some(descriptor)) = (annotations.is_empty(), descriptor.as_object_mut()) {
            descriptor.insert("annotations".to_owned(), Value::Object(annotations));
        }
        descriptor
    }
}

/// `bytes`, compressed.
pub fn compress(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip | Compression::Estargz(_) => gzip(bytes),
        Compression::GzipMultiMember => {
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            [gzip(head), gzip(tail)].concat()
        }
        Compression::Zstd | Compression::ZstdChunked(_) => in_memory(zstd::encode_all(bytes, 1)),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    in_memory(encoder.write_all(bytes));
    in_memory(encoder.finish())
}

#[expect(clippy::expect_used, reason = "writing to memory does not fail")]
fn in_memory<T>(result: std::io::Result<T>) -> T {
    result.expect("memory")
}
