//! What the readers give, beside what zlib-rs gives of the same bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read, Write as _};

use flate2::{
    Compression, GzBuilder,
    bufread::{MultiGzDecoder, ZlibDecoder},
    write::{GzEncoder, ZlibEncoder},
};
use proptest::prelude::*;

use crate::{Fault, GzipReader, ZlibReader};

fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Text, code, runs and noise, of a length that is no round number.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [.., low, high] = state.to_le_bytes();
        u16::from_le_bytes([low, high])
    };
    let mut bytes = Vec::new();
    while bytes.len() < length {
        match random() % 6 {
            0 => bytes.extend_from_slice(b"layers are read once, counted, hashed and unpacked; "),
            1 => bytes.extend(std::iter::repeat_n(random().to_le_bytes()[0], usize::from(random() % 700))),
            2 => bytes.extend((0..random() % 300).map(|_| random().to_le_bytes()[0])),
            3 => bytes.extend((0..random() % 99).flat_map(|n| u32::from(n).to_le_bytes())),
            _ => {
                let distance = 1 + usize::from(random() % 40_000);
                for _ in 0..random() % 400 {
                    bytes.push(bytes.len().checked_sub(distance).map_or(7, |at| bytes[at]));
                }
            }
        }
    }
    bytes.truncate(length);
    bytes
}

/// All that comes before a fault, and the fault, read by `piece` bytes at a time.
fn read(mut reader: impl Read, piece: usize) -> (Vec<u8>, Option<io::Error>) {
    let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (all, None),
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn inflate(stored: &[u8]) -> (Vec<u8>, Option<io::Error>) {
    read(GzipReader::new(stored), 64 << 10)
}

fn fault(stored: &[u8]) -> Option<Fault> {
    inflate(stored).1?.downcast().ok()
}

#[test]
fn all_levels_give_what_was_compressed() {
    for length in [0, 1, 2, 300, 65_535, 65_536, 1_000_003] {
        let content = content(length);
        for level in 0..=9 {
            let (inflated, error) = inflate(&gzip(&content, level));
            assert!(error.is_none(), "{length} {level}: {error:?}");
            assert!(inflated == content, "{length} {level}");
        }
    }
}

#[test]
fn how_it_is_read_changes_nothing() {
    let content = content(300_007);
    let stored = [gzip(&content, 6), gzip(b"", 6), gzip(&content[..777], 1)].concat();
    let expected = [&content[..], &content[..777]].concat();
    for piece in [1, 2, 7, 258, 259, 300, 4096, 32 << 10, 65_537, 1 << 20] {
        for capacity in [1, 2, 9, 31, 32, 33, 40, 1000, 1 << 20] {
            if piece * capacity < 100 {
                continue;
            }
            let reader = GzipReader::new(BufReader::with_capacity(capacity, &stored[..]));
            let (inflated, error) = read(reader, piece);
            assert!(error.is_none() && inflated == expected, "{piece} {capacity}: {error:?}");
        }
    }
}

#[test]
fn what_ends_early_gives_all_before_and_an_error() {
    let content = content(20_000);
    let stored = gzip(&content, 6);
    let mut longest = 0;
    for end in 1..stored.len() {
        let (inflated, error) = inflate(&stored[..end]);
        assert!(content.starts_with(&inflated), "{end}");
        assert!(inflated.len() >= longest, "{end}");
        longest = inflated.len();
        assert_eq!(error.map(|error| error.kind()), Some(io::ErrorKind::UnexpectedEof), "{end}");
    }
    assert_eq!(longest, content.len());
}

#[test]
fn a_fault_is_the_same_however_it_is_read() {
    let content = content(100_000);
    let stored = gzip(&content, 6);
    for at in (0..stored.len()).step_by(stored.len() / 61) {
        let mut damaged = stored.clone();
        damaged[at] ^= 0x10;
        let (inflated, error) = inflate(&damaged);
        let error = error.map(|error| error.to_string());
        for (piece, capacity) in [(1, 100), (333, 40), (70_000, 1 << 20)] {
            let reader = GzipReader::new(BufReader::with_capacity(capacity, &damaged[..]));
            let (again, fault) = read(reader, piece);
            assert_eq!(fault.map(|fault| fault.to_string()), error, "{at}");
            assert!(again == inflated, "{at}: {} {}", again.len(), inflated.len());
        }
    }
}

#[test]
fn the_trailer_is_checked() {
    let mut stored = gzip(b"content", 6);
    let end = stored.len();
    stored[end - 1] ^= 1;
    assert_eq!(fault(&stored), Some(Fault::Length));
    stored[end - 5] ^= 1;
    assert_eq!(fault(&stored), Some(Fault::Checksum));
    assert_eq!(inflate(&stored).0, b"content");
}

#[test]
fn headers_are_read_with_all_that_they_may_have() {
    let mut encoder = GzBuilder::new()
        .filename("name")
        .comment("comment")
        .extra(vec![1; 300])
        .write(Vec::new(), Compression::default());
    encoder.write_all(b"content").unwrap();
    let mut stored = encoder.finish().unwrap();
    assert_eq!(inflate(&stored).0, b"content");
    // What zlib-rs does not write: the checksum of the header.
    let end = 10 + 2 + 300 + 5 + 8;
    stored[3] |= 2;
    let checksum = crc32(&stored[..end]).to_le_bytes();
    stored.splice(end..end, [checksum[0], checksum[1]]);
    assert_eq!(inflate(&stored).0, b"content");
    stored[end] ^= 1;
    assert_eq!(fault(&stored), Some(Fault::HeaderChecksum));
}

/// CRC-32 a bit at a time. Source: RFC 1952, section 8.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _: i32| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn what_is_no_gzip_is_a_fault() {
    for stored in [&b"PK\x03\x04"[..], b"\x1f\x8b\x07\0\0\0\0\0\0\0", b"\x1f\x8b\x08\x80\0\0\0\0\0\0"] {
        assert_eq!(fault(stored), Some(Fault::Header));
    }
    assert_eq!(fault(&[&gzip(b"a", 6)[..], &[0; 9]].concat()), Some(Fault::Header));
}

#[test]
fn what_is_read_after_a_fault_is_a_fault() {
    let mut reader = GzipReader::new(&b"no gzip"[..]);
    assert!(reader.read(&mut []).is_ok_and(|count| count == 0));
    for _ in 0..3 {
        assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn an_error_below_is_told_once_all_before_it_was_handed_on() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let content = content(50_000);
    let stored = gzip(&content, 6);
    for cut in (1..stored.len()).step_by(331) {
        let (before, _) = inflate(&stored[..cut]);
        for (piece, capacity) in [(1 << 20, 8 << 10), (7, 40), (1000, 100)] {
            let cut = Cursor::new(&stored[..cut]).chain(Fails);
            let (inflated, error) = read(GzipReader::new(BufReader::with_capacity(capacity, cut)), piece);
            assert!(inflated == before);
            assert_eq!(error.unwrap().to_string(), "the disk is gone");
        }
    }
}

#[test]
fn an_interruption_is_no_error() {
    struct Interrupted<R>(R, bool);
    impl<R: Read> Read for Interrupted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(buffer) }
        }
    }
    let content = content(50_000);
    let stored = gzip(&content, 6);
    let reader = BufReader::with_capacity(100, Interrupted(&stored[..], false));
    let (inflated, error) = read(GzipReader::new(reader), 999);
    assert!(error.is_none() && inflated == content, "{error:?}");
}

#[test]
fn what_follows_is_left_to_be_read() {
    let stored = gzip(b"content", 6);
    let mut reader = GzipReader::new(&stored[..]);
    reader.read_exact(&mut [0; 1]).unwrap();
    assert!(reader.into_inner().fill_buf().is_ok());
}

/// Bits of a stream, lowest first.
#[derive(Default)]
struct Stream(Vec<bool>);

impl Stream {
    fn bits(mut self, value: u64, count: u32) -> Self {
        self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
        self
    }

    /// A code of the fixed ones, which come highest bit first.
    fn code(mut self, value: u32, count: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn gzip(self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        let mut stored = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
        stored.extend(self.0.chunks(8).map(byte));
        stored.extend([0; 8]);
        stored
    }
}

#[test]
fn streams_that_no_compressor_writes_are_faults() {
    let fixed = || Stream::default().bits(1, 1).bits(1, 2);
    let dynamic = |literals: u64, distances: u64| {
        Stream::default().bits(1, 1).bits(2, 2).bits(literals - 257, 5).bits(distances - 1, 5)
    };
    // Lengths of one bit for the symbols 18 (zeros) and 1, which is the one before the last written.
    let zeros_and_ones =
        |stream: Stream| (0..18).fold(stream.bits(14, 4), |s, at| s.bits(u64::from(at == 2 || at == 17), 3));
    for (name, stream, expected) in [
        ("a type", Stream::default().bits(1, 1).bits(3, 2), Fault::BlockType),
        ("lengths", Stream::default().bits(1, 8).bits(7, 16).bits(7, 16), Fault::StoredLength),
        ("a literal that is none", fixed().code(0b1100_0110, 8).bits(0, 28), Fault::NoCode),
        ("nothing to repeat", fixed().code(1, 7).code(0, 5).bits(0, 28), Fault::Distance),
        ("a distance that is none", fixed().code(0x30, 8).code(1, 7).code(30, 5).bits(0, 28), Fault::NoCode),
        ("too many literals", dynamic(287, 1).bits(0, 40), Fault::Codes),
        ("too many distances", dynamic(257, 31).bits(0, 40), Fault::Codes),
        ("no code for lengths", dynamic(257, 1).bits(0, 4).bits(0, 40), Fault::Codes),
        (
            "too many zeros",
            (0..3).fold(zeros_and_ones(dynamic(257, 1)), |s, _| s.code(1, 1).bits(127, 7)),
            Fault::Codes,
        ),
        (
            "no end",
            zeros_and_ones(dynamic(257, 1))
                .code(0, 1)
                .code(0, 1)
                .code(1, 1)
                .bits(127, 7)
                .code(1, 1)
                .bits(107, 7),
            Fault::Codes,
        ),
    ] {
        let (_, error) = inflate(&stream.gzip());
        let error = error.unwrap();
        assert_eq!(error.downcast::<Fault>().ok(), Some(expected), "{name}");
    }
}

#[test]
fn a_code_of_one_distance_is_read() {
    // One literal repeated: deflate writes a distance code of one symbol.
    let content = vec![b'x'; 300];
    assert_eq!(inflate(&gzip(&content, 9)).0, content);
}

fn zlib(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_zlib_stream_is_read_and_nothing_behind_it() {
    let content = content(100_000);
    for level in [0, 1, 6, 9] {
        let stored = [&zlib(&content, level)[..], b"whatever"].concat();
        let (inflated, error) = read(ZlibReader::new(&stored[..]), 999);
        assert!(error.is_none() && inflated == content, "{level}: {error:?}");
    }
    let mut stored = zlib(&content, 6);
    let last = stored.len() - 1;
    stored[last] ^= 1;
    let fault = |stored: &[u8]| read(ZlibReader::new(stored), 999).1.unwrap().downcast::<Fault>().ok();
    assert_eq!(fault(&stored), Some(Fault::Checksum));
    // Another method, a larger window, a wrong check, a dictionary.
    for header in [[0x77, 0x85], [0x88, 0x1c], [0x78, 0x02], [0x78, 0x20]] {
        stored[..2].copy_from_slice(&header);
        assert_eq!(fault(&stored), Some(Fault::Header), "{header:?}");
    }
    assert_eq!(read(ZlibReader::new(&stored[..1]), 9).1.unwrap().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn of_the_first_member_alone_nothing_behind_is_read() {
    let stored = [&gzip(b"first", 6)[..], b"no member"].concat();
    let (inflated, error) = read(GzipReader::first_member(&stored[..]), 999);
    assert!(error.is_none());
    assert_eq!(inflated, b"first");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_data_never_gives_what_zlib_does_not(
        length in 0_usize..9000,
        level in 0_u32..10,
        at in any::<prop::sample::Index>(),
        by in 1_u8..,
    ) {
        let mut stored = gzip(&content(length), level);
        let at = at.index(stored.len());
        stored[at] ^= by;
        let (ours, fault) = inflate(&stored);
        let (theirs, error) = read(MultiGzDecoder::new(&stored[..]), 1 << 20);
        prop_assert_eq!(fault.is_some(), error.is_some(), "{:?} {:?}", fault, error);
        prop_assert!(ours.starts_with(&theirs));
        if error.is_none() {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn damaged_zlib_ends_as_it_does_in_zlib(
        length in 0_usize..9000,
        at in any::<prop::sample::Index>(),
        by in 1_u8..,
    ) {
        let mut stored = zlib(&content(length), 6);
        let at = at.index(stored.len());
        stored[at] ^= by;
        let (ours, fault) = read(ZlibReader::new(&stored[..]), 1 << 20);
        let (theirs, error) = read(ZlibDecoder::new(&stored[..]), 1 << 20);
        prop_assert_eq!(fault.is_some(), error.is_some(), "{:?} {:?}", fault, error);
        prop_assert!(ours.starts_with(&theirs));
    }

    #[test]
    fn any_bytes_end_as_they_do_in_zlib(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..3) {
        // A last block of each kind, and whatever follows.
        if let Some(first) = bytes.first_mut() {
            *first = *first & !7 | 1 | kind << 1;
        }
        let stored = [b"\x1f\x8b\x08\0\0\0\0\0\0\xff", &bytes[..]].concat();
        let (ours, fault) = inflate(&stored);
        let (theirs, error) = read(MultiGzDecoder::new(&stored[..]), 1 << 20);
        prop_assert_eq!(fault.is_some(), error.is_some(), "{:?} {:?}", fault, error);
        prop_assert!(ours.starts_with(&theirs));
    }
}
