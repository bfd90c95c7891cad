//! Layers read in part give what the whole gives, or an error, and never anything else.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use proptest::prelude::*;
use sbomctl_testkit::{Compression, ImageBuilder, Layer, LayerBuilder, TocEdit, digest, estargz_footer};
use serde_json::json;

use super::*;
use crate::{
    image_path::ImagePath,
    layer::{Entry, decompress::Decompressor, walk::walk as walk_whole},
};

const FORMS: [Compression; 3] =
    [Compression::None, Compression::Estargz(1000), Compression::ZstdChunked(1000)];
const TABLES: [Compression; 2] = [Compression::Estargz(1000), Compression::ZstdChunked(1000)];

/// A blob in memory, and how much of it was asked for.
#[derive(Debug)]
struct Memory {
    bytes: Vec<u8>,
    size: u64,
    fetched: AtomicU64,
}

impl Memory {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), size: bytes.len() as u64, fetched: AtomicU64::new(0) }
    }
}

impl RandomAccess for Memory {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut cursor = io::Cursor::new(&self.bytes);
        cursor.seek(SeekFrom::Start(range.start))?;
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
        cursor.read_exact(&mut bytes)?;
        self.fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// Reads what `wants` names, wholly, and the first bytes of the rest that it gets.
struct Seen {
    wants: fn(&str) -> bool,
    entries: Vec<(Entry, Vec<u8>)>,
}

impl EntrySink for Seen {
    fn may_want(&self, entry: &Entry) -> bool {
        (self.wants)(&entry.path.to_text())
    }

    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let mut bytes = Vec::new();
        if self.may_want(&entry) {
            #[expect(clippy::disallowed_methods, reason = "what a test made is small")]
            content.read_to_end(&mut bytes).map_err(|source| LayerError::Read { offset: 0, source })?;
        }
        self.entries.push((entry, bytes));
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

fn seen(wants: fn(&str) -> bool) -> Seen {
    Seen { wants, entries: Vec::new() }
}

fn build(build: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Layer {
    ImageBuilder::new().layer(build).build().layers.remove(0)
}

fn form(layer: &Layer) -> Form {
    let annotations = layer.annotations.iter().cloned().collect();
    Form::of(&layer.blob.media_type, &annotations).unwrap()
}

type Found = Result<Vec<(Entry, Vec<u8>)>, PartialError>;

fn read(layer: &Layer, bytes: &[u8], wants: fn(&str) -> bool) -> Found {
    read_within(&Limits::default(), layer, bytes, wants)
}

fn read_within(limits: &Limits, layer: &Layer, bytes: &[u8], wants: fn(&str) -> bool) -> Found {
    let mut sink = seen(wants);
    walk_in_part(&Memory::new(bytes), layer, limits, &mut sink)?;
    Ok(sink.entries)
}

fn walk_in_part(
    access: &Memory,
    layer: &Layer,
    limits: &Limits,
    sink: &mut Seen,
) -> Result<Extent, PartialError> {
    let digest = Digest::of(&layer.blob.bytes);
    let memory = Budget::new(1);
    let reading = Reading { digest: Some(&digest), limits, memory: &memory, report: &|_| {} };
    walk(access, &form(layer), &reading, sink)
}

fn read_whole(layer: &Layer, wants: fn(&str) -> bool) -> Vec<(Entry, Vec<u8>)> {
    let mut sink = seen(wants);
    walk_whole(Decompressor::new(&layer.blob.bytes[..]).unwrap(), &Limits::default(), &mut sink).unwrap();
    // The table itself, which a table does not list.
    sink.entries.retain(|(entry, _)| entry.path != ImagePath::from("stargz.index.json"));
    sink.entries
}

fn noise(length: u32) -> Vec<u8> {
    (0..length).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(length as usize).collect()
}

fn full(layer: LayerBuilder) -> LayerBuilder {
    layer
        .dir("etc")
        .file("etc/small", "small")
        .file("etc/empty", "")
        .symlink("etc/link", "../etc/small")
        .symlink("loop", "loop")
        .hardlink("etc/hard", "etc/small")
        .fifo("dev/fifo")
        .file("etc/chunks", noise(3500))
        .file("etc/even", noise(2000))
        .file("etc/holes", [vec![1; 1000], vec![0; 2000], vec![2; 10]].concat())
        .whiteout("etc/gone")
        .opaque("var")
        .file(".wh..wh.plnk/1", "bookkeeping")
        .file("etc/slash/", noise(700))
        .file("d/".repeat(80) + "long", "long")
        .mode(0o4755)
        .file("bin/setuid", noise(999))
}

#[test]
fn what_is_read_is_what_the_whole_has() {
    for compression in FORMS {
        let layer = build(|l| full(l).compression(compression));
        for wants in [(|_| true) as fn(&str) -> bool, |path| path.contains("etc"), |_| false] {
            assert_eq!(
                read(&layer, &layer.blob.bytes, wants).unwrap(),
                read_whole(&layer, wants),
                "{compression:?}"
            );
        }
    }
}

#[test]
fn what_nobody_wants_is_not_fetched() {
    for compression in [Compression::None, Compression::Estargz(1 << 20), Compression::ZstdChunked(1 << 20)] {
        let layer = build(|mut l| {
            for n in 0..5 {
                l = l.file(format!("{n}.bin"), noise(400_000)).file(format!("{n}.txt"), "wanted");
            }
            l.compression(compression)
        });
        let memory = Memory::new(&layer.blob.bytes);
        let mut sink = seen(|path| path.contains("txt"));
        walk_in_part(&memory, &layer, &Limits::default(), &mut sink).unwrap();
        assert_eq!(sink.entries.iter().filter(|(_, bytes)| bytes == b"wanted").count(), 5);
        let fetched = memory.fetched.into_inner();
        assert!(fetched < 150_000, "{compression:?}: {fetched} of {}", memory.size);
    }
}

#[test]
fn beyond_so_many_requests_larger_parts_are_asked_for() {
    for compression in [Compression::None, Compression::Estargz(1 << 20), Compression::ZstdChunked(1 << 20)] {
        let layer = build(|mut l| {
            for n in 0..12 {
                l = l.file(format!("{n}.bin"), noise(200_000)).file(format!("{n}.txt"), "wanted");
            }
            l.compression(compression)
        });
        let mut limits = Limits::default();
        limits.set("range-requests", 8);
        let wants = |path: &str| path.contains("txt");
        let found = read_within(&limits, &layer, &layer.blob.bytes, wants).unwrap();
        assert_eq!(found, read_whole(&layer, wants), "{compression:?}");
    }
}

#[test]
fn several_files_may_lie_in_one_stream() {
    let layer = build(|l| {
        l.file("a", "0123456789").compression(Compression::Estargz(1000)).edit_toc(|toc| {
            let entries = toc["entries"].as_array_mut().unwrap();
            let mut inner = entries[1].clone();
            inner["name"] = json!("inner");
            inner["innerOffset"] = json!(4);
            inner["size"] = json!(3);
            inner["chunkDigest"] = json!(digest(b"456"));
            entries.push(inner);
        })
    });
    let found = read(&layer, &layer.blob.bytes, |_| true).unwrap();
    assert_eq!(found.last().unwrap().1, b"456");
}

/// What is wrong with a layer whose table of contents was changed so.
fn fault(compression: Compression, edit: TocEdit) -> String {
    let layer = build(|l| full(l).compression(compression).edit_toc(edit));
    read(&layer, &layer.blob.bytes, |_| true).unwrap_err().to_string()
}

#[test]
fn tables_that_contradict_themselves_or_the_layer_are_refused() {
    let cases: [(TocEdit, &str); 17] = [
        (|toc| toc["version"] = json!(2), "version"),
        (|toc| drop(toc.as_object_mut().unwrap().remove("entries")), "missing field"),
        (|toc| toc["entries"] = json!({}), "expected entries"),
        (|toc| toc["entries"][3]["type"] = json!("portal"), "type is not known"),
        (|toc| toc["entries"][0]["type"] = json!("chunk"), "belongs to no file"),
        (|toc| drop(toc["entries"][3].as_object_mut().unwrap().remove("type")), "missing field"),
        (|toc| toc["entries"][3]["name"] = json!("a\u{fffd}b"), "not the one in the archive"),
        (|toc| toc["entries"][3]["name"] = json!("a".repeat(5000)), "path-bytes"),
        (|toc| file(toc, "etc/chunks")["size"] = json!(-1), "malformed"),
        (|toc| file(toc, "etc/chunks")["size"] = json!(1_u64 << 40), "bytes"),
        (|toc| file(toc, "etc/chunks")["size"] = json!(1500), "do not follow"),
        (|toc| file(toc, "etc/chunks")["chunkSize"] = json!(999), "do not follow"),
        (|toc| file(toc, "etc/chunks")["chunkSize"] = json!(u64::MAX), "do not follow"),
        (|toc| file(toc, "etc/chunks")["offset"] = json!(u64::MAX), "behind the end"),
        (|toc| file(toc, "etc/chunks")["chunkDigest"] = json!("md5:1"), "no digest"),
        (|toc| file(toc, "etc/chunks")["chunkDigest"] = json!(digest(b"other")), "is not the one"),
        (|toc| file(toc, "etc/chunks")["chunkType"] = json!("ones"), "type of a chunk"),
    ];
    for (edit, words) in cases {
        for compression in TABLES {
            let fault = fault(compression, edit);
            assert!(fault.contains(words), "{words:?} is not in {fault:?}");
        }
    }
}

fn file<'t>(toc: &'t mut serde_json::Value, name: &str) -> &'t mut serde_json::Value {
    let entries = toc["entries"].as_array_mut().unwrap();
    entries.iter_mut().find(|entry| entry["name"] == name).unwrap()
}

#[test]
fn a_chunk_that_overlaps_another_or_is_longer_than_said_is_refused() {
    let edits: [TocEdit; 3] = [
        |toc| {
            let other = file(toc, "etc/small")["offset"].clone();
            file(toc, "etc/even")["offset"] = other;
        },
        |toc| {
            file(toc, "bin/setuid")["size"] = json!(998);
        },
        |toc| {
            file(toc, "bin/setuid")["innerOffset"] = json!(1);
        },
    ];
    for edit in edits {
        for compression in TABLES {
            let fault = fault(compression, edit);
            assert!(fault.contains("is not the one"), "{compression:?}: {fault}");
        }
    }
}

#[test]
fn an_inner_offset_of_terabytes_hits_the_limit_of_a_chunk() {
    for compression in TABLES {
        let fault = fault(compression, |toc| file(toc, "etc/small")["innerOffset"] = json!(1_u64 << 42));
        assert!(fault.contains("chunk-bytes"), "{fault}");
    }
}

#[test]
fn two_lists_of_entries_are_refused() {
    let json = br#"{"version":1,"entries":[],"entries":[]}"#;
    let fault = toc::Toc::read(&json[..], 100, &Limits::default(), &seen(|_| true)).unwrap_err();
    assert!(fault.to_string().contains("duplicate"), "{fault}");
}

#[test]
fn ten_million_entries_hit_the_limit_before_they_are_held() {
    let entries = r#"{"type":"dir","name":"a"},"#.repeat(10);
    let head = io::Cursor::new(br#"{"version":1,"entries":["#);
    let json = head.chain(Repeat { text: entries.into_bytes(), at: 0, left: 10_000_000 });
    let mut limits = Limits::default();
    limits.set("entries", 100_000);
    let fault = toc::Toc::read(json, 100, &limits, &seen(|_| true)).unwrap_err();
    assert!(matches!(fault, PartialError::Limit(_)), "{fault}");
}

/// A text again and again.
struct Repeat {
    text: Vec<u8>,
    at: usize,
    left: u64,
}

impl Read for Repeat {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            self.at = 0;
            self.left = self.left.saturating_sub(1);
        }
        let mut rest = if self.left == 0 { &[][..] } else { &self.text[self.at..] };
        let count = rest.read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[test]
fn footers_that_lie_are_refused() {
    let layer = build(|l| full(l).compression(Compression::Estargz(1000)));
    let bytes = &layer.blob.bytes;
    let body = &bytes[..bytes.len() - 51];
    for offset in [0, 1, body.len() as u64 - 1, body.len() as u64, u64::MAX] {
        let lying = [body, &estargz_footer(offset)].concat();
        assert!(read(&layer, &lying, |_| true).is_err(), "{offset}");
    }
    assert!(matches!(read(&layer, body, |_| true), Err(PartialError::Footer)));
    assert!(matches!(read(&layer, b"short", |_| true), Err(PartialError::Footer)));
}

#[test]
fn another_table_than_the_manifest_names_is_refused() {
    for compression in TABLES {
        let layer = build(|l| full(l).compression(compression));
        // As long as the right one, so that it lies where the right one lies.
        let mut other = build(|l| {
            full(l).compression(compression).edit_toc(|toc| toc["entries"][3]["name"] = json!("ETC/SMALL"))
        });
        other.annotations = layer
            .annotations
            .iter()
            .zip(&other.annotations)
            .map(|(right, other)| if right.0.ends_with("position") { other.clone() } else { right.clone() })
            .collect();
        let fault = read(&other, &other.blob.bytes, |_| true).unwrap_err();
        assert!(matches!(fault, PartialError::TocDigest { .. }), "{fault}");
    }
}

/// Where the table of an eStargz layer lies, and what it says.
fn table_of(layer: &Layer) -> (usize, Vec<u8>) {
    let bytes = &layer.blob.bytes;
    let digits = &bytes[bytes.len() - 35..bytes.len() - 19];
    let offset = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[offset..]));
    let entry = archive.entries().unwrap().next().unwrap().unwrap();
    (offset, crate::limits::read_capped(entry, Limits::default().file_bytes).unwrap())
}

#[test]
fn a_table_beside_the_one_that_the_manifest_names_is_refused() {
    let estargz = |edit: TocEdit| build(|l| full(l).compression(Compression::Estargz(1000)).edit_toc(edit));
    let (right, wrong) =
        (estargz(|_| {}), estargz(|toc| file(toc, "etc/small")["name"] = json!("ETC/SMALL")));
    let ((offset, right_json), (_, wrong_json)) = (table_of(&right), table_of(&wrong));
    let with = |entries: &[(&str, tar::EntryType, &[u8])]| {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
            right.blob.bytes[..offset].to_vec(),
            flate2::Compression::fast(),
        ));
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append(&header, *content).unwrap();
        }
        let stored = archive.into_inner().unwrap().finish().unwrap();
        [&stored[..], &estargz_footer(offset as u64)].concat()
    };
    let (regular, name) = (tar::EntryType::Regular, "stargz.index.json");
    assert!(read(&right, &with(&[(name, regular, &right_json)]), |_| true).is_ok());
    let first: [(&str, tar::EntryType, &[u8]); 5] = [
        (name, regular, &wrong_json),
        ("stargz.index.json/", regular, &wrong_json),
        (name, tar::EntryType::Symlink, &wrong_json),
        (name, tar::EntryType::Directory, &wrong_json),
        ("other", regular, b"x"),
    ];
    for entry in first {
        let bytes = with(&[entry, (name, regular, &right_json)]);
        let fault = read(&right, &bytes, |_| true).unwrap_err();
        assert!(matches!(fault, PartialError::Footer | PartialError::TocDigest { .. }), "{entry:?}: {fault}");
    }
}

#[test]
fn keys_that_others_would_take_for_one_of_these_are_refused() {
    let edits: [TocEdit; 5] = [
        |toc| toc["Entries"] = json!([]),
        |toc| toc["VERSION"] = json!(1),
        |toc| file(toc, "etc/small")["Name"] = json!("etc/other"),
        |toc| file(toc, "etc/small")["chunkdigest"] = json!(digest(b"other")),
        |toc| file(toc, "etc/small")["off\u{17f}et"] = json!(1),
    ];
    for edit in edits {
        for compression in TABLES {
            let fault = fault(compression, edit);
            assert!(fault.contains("a key is"), "{fault}");
        }
    }
    let others: TocEdit = |toc| {
        toc["tarSplitDigest"] = json!("x");
        file(toc, "etc/small")["xattrs"] = json!({"user.Name": "eA=="});
    };
    for compression in TABLES {
        let layer = build(|l| full(l).compression(compression).edit_toc(others));
        assert!(read(&layer, &layer.blob.bytes, |_| true).is_ok());
    }
}

#[test]
fn a_string_is_not_held_that_could_not_be_used() {
    for (key, piece) in
        [("other", "a"), ("name", "a"), ("name", "\\n"), ("name", "\\u0041"), ("name", "\\\\")]
    {
        let head = format!(r#"{{"version":1,"entries":[{{"{key}":""#);
        let endless = Repeat { text: piece.repeat(50_000).into_bytes(), at: 0, left: 100 };
        let json = io::Cursor::new(head).chain(endless);
        let fault = toc::Toc::read(json, 100, &Limits::default(), &seen(|_| true)).unwrap_err();
        assert!(fault.to_string().contains("path-bytes"), "{key}, {piece}: {fault}");
    }
}

#[test]
fn a_table_that_swells_beyond_all_real_ones_is_refused() {
    let layer = build(|l| {
        full(l).compression(Compression::Estargz(1000)).edit_toc(|toc| {
            let entry = json!({"type": "dir", "name": "a".repeat(1000)});
            let entries = toc["entries"].as_array_mut().unwrap();
            entries.extend(std::iter::repeat_n(entry, 20_000));
        })
    });
    assert!(read(&layer, &layer.blob.bytes, |_| true).is_err());
}

#[test]
fn a_table_beyond_its_limit_is_not_fetched() {
    let mut limits = Limits::default();
    limits.set("toc-bytes", 60);
    for compression in TABLES {
        let layer = build(|l| full(l).compression(compression));
        let fault = read_within(&limits, &layer, &layer.blob.bytes, |_| true).unwrap_err();
        assert!(fault.to_string().contains("toc-bytes"), "{fault}");
    }
}

#[test]
fn a_compressed_layer_that_is_announced_as_plain_is_refused() {
    let plain = build(|l| full(l).compression(Compression::None));
    let gzip = build(full);
    assert!(matches!(read(&plain, &gzip.blob.bytes, |_| true), Err(PartialError::Compressed)));
}

#[test]
fn positions_are_four_numbers_of_which_the_last_is_one() {
    assert_eq!("1:2:3:1".parse(), Ok(Position { offset: 1, length: 2, unpacked: 3 }));
    for text in ["", "1:2:3", "1:2:3:2", "1:2:3:1:1", "-1:2:3:1", "1:2::1", "1:2:18446744073709551616:1"] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
}

#[test]
fn a_position_outside_of_the_layer_is_refused() {
    let layer = build(|l| full(l).compression(Compression::ZstdChunked(1000)));
    for position in ["99999999:10:10:1", "18446744073709551615:10:10:1"] {
        let mut layer = layer.clone();
        layer.annotations[1].1 = position.to_owned();
        assert!(matches!(read(&layer, &layer.blob.bytes, |_| true), Err(PartialError::MoreThanWhole)));
    }
}

#[test]
fn only_layers_of_these_forms_are_read_in_part() {
    let none = BTreeMap::new();
    let form = |media_type| Form::of(media_type, &none);
    assert_eq!(form("application/vnd.oci.image.layer.v1.tar+gzip"), None);
    assert_eq!(form("application/vnd.docker.image.rootfs.diff.tar.gzip"), None);
    assert_eq!(form("application/vnd.oci.image.layer.v1.tar"), Some(Form::Plain));
    assert_eq!(form(""), None);
    let bad = BTreeMap::from([(ESTARGZ_TOC.to_owned(), "sha256:x".to_owned())]);
    assert_eq!(Form::of("application/vnd.oci.image.layer.v1.tar+gzip", &bad), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_layer_damaged_anywhere_gives_an_error_or_what_it_should(at: prop::sample::Index, flip in 1_u8.., cut: bool) {
        for compression in TABLES {
            let layer = build(|l| full(l).compression(compression));
            let mut bytes = layer.blob.bytes.clone();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            if let Ok(found) = read(&layer, &bytes, |_| true) {
                prop_assert_eq!(found, read_whole(&layer, |_| true));
            }
        }
    }

    #[test]
    fn tables_of_anything_never_panic(json: String, end: u64) {
        let _ = toc::Toc::read(json.as_bytes(), end, &Limits::default(), &seen(|_| true));
    }
}
