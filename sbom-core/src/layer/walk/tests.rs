//! What archives hold, well-formed, cut and made to deceive.

use std::collections::BTreeMap;

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};

use super::{window::CHUNK, *};
use crate::limits::read_capped;

/// Writes down what it is handed.
#[derive(Default)]
struct Seen(Vec<(Entry, Vec<u8>)>);

impl EntrySink for Seen {
    fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let mut limits = Limits::default();
        limits.set("file-bytes", 1 << 20);
        let bytes = read_capped(content, limits.file_bytes)
            .map_err(|error| LayerError::Read { offset: 0, source: io::Error::other(error) })?;
        self.0.push((entry, bytes));
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

/// Reads entries and skips their content.
struct Count(u64);

impl EntrySink for Count {
    fn entry(&mut self, _: Entry, _: &mut dyn Read) -> Result<(), LayerError> {
        self.0 += 1;
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

fn header(path: &str, size: u64, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_size(size);
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    header
}

fn one(path: &str, content: &[u8]) -> Vec<u8> {
    let mut out = header(path, content.len() as u64, tar::EntryType::Regular).as_bytes().to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn seen(archive: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, LayerError> {
    let mut seen = Seen::default();
    walk(archive, &Limits::default(), &mut seen)?;
    Ok(seen.0)
}

/// An archive that gives whole chunks in exchange, as far as they were not begun to be read.
struct Chunks<'a>(std::vec::IntoIter<&'a [u8]>, &'a [u8]);

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.next().unwrap_or_default();
        }
        self.1.read(buffer)
    }
}

impl Archive for Chunks<'_> {
    fn exchange(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        assert_eq!(buffer.len(), CHUNK);
        if !self.1.is_empty() {
            return Ok(0);
        }
        let chunk = self.0.next().unwrap_or_default();
        *buffer = chunk.to_vec();
        buffer.resize(CHUNK, 0xaa);
        Ok(chunk.len())
    }
}

#[test]
fn chunks_that_are_exchanged_are_read_as_those_that_are_copied() {
    let bytes = |length: usize| -> Vec<u8> { (0..=250).cycle().take(length).collect() };
    let mut builder = tar::Builder::new(Vec::new());
    for (index, length) in [0, 5, 300_000, 700_001, 511, 40_000, 1 << 19].into_iter().enumerate() {
        // A header of more than a chunk.
        let comment = bytes(if index == 3 { CHUNK + 777 } else { 0 });
        builder.append_pax_extensions([("comment", &comment[..])]).unwrap();
        let mut header = header(&format!("file-{index}"), length as u64, tar::EntryType::Regular);
        builder.append_data(&mut header, format!("file-{index}"), &bytes(length)[..]).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let plain = seen(&archive).unwrap();
    assert_eq!(plain.len(), 7);
    for length in [CHUNK, CHUNK - 512, CHUNK - 7, 512, 100_000] {
        let chunks = || Chunks(archive.chunks(length).collect::<Vec<_>>().into_iter(), &[]);
        let mut exchanged = Seen::default();
        walk_archive(chunks(), &Limits::default(), &mut exchanged).unwrap();
        assert!(exchanged.0 == plain, "{length}");
        let mut skipped = Count(0);
        assert_eq!(walk_archive(chunks(), &Limits::default(), &mut skipped).unwrap(), 7, "{length}");
        for by in [100, 5000, CHUNK, 3 * CHUNK] {
            let mut read = By(by, Vec::new());
            walk_archive(chunks(), &Limits::default(), &mut read).unwrap();
            assert!(
                read.1 == plain.iter().flat_map(|(_, bytes)| bytes).copied().collect::<Vec<_>>(),
                "{length} {by}"
            );
        }
    }
}

/// Reads content by way of a buffer of so many bytes.
struct By(usize, Vec<u8>);

impl EntrySink for By {
    fn entry(&mut self, _: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let mut buffer = vec![0; self.0];
        loop {
            let read = content.read(&mut buffer);
            match read.map_err(|source| LayerError::Read { offset: 0, source })? {
                0 => return Ok(()),
                count => self.1.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

#[test]
fn a_hard_link_that_leads_through_something_and_back_is_noticed() {
    struct Noticed(Vec<String>);
    impl EntrySink for Noticed {
        fn entry(&mut self, _: Entry, _: &mut dyn Read) -> Result<(), LayerError> {
            Ok(())
        }

        fn unreadable(&mut self, path: ImagePath, _: &io::Error) {
            self.0.push(path.to_string());
        }
    }
    let archive = sbomctl_testkit::TarBuilder::new()
        .hardlink("a", "s/../x")
        .hardlink("b", "./s/x")
        .hardlink("c", "../.././x")
        .hardlink("d", "/s/./..")
        .symlink("e", "s/../x");
    let mut noticed = Noticed(Vec::new());
    walk(&*archive.build(), &Limits::default(), &mut noticed).unwrap();
    assert_eq!(noticed.0, ["/a", "/d"]);
}

#[test]
fn however_much_is_read_at_a_time_the_bytes_are_the_same() {
    let large: Vec<u8> = (0..=250).cycle().take(3 * CHUNK + 77).collect();
    let archive = [one("a", b"first"), one("b", &large), one("c", b"last"), vec![0; 1024]].concat();
    let cut = &archive[..512 + 512 + 512 + 2 * CHUNK];
    for size in [1000, CHUNK - 1, CHUNK, 2 * CHUNK, 4 * CHUNK] {
        let mut by = By(size, Vec::new());
        walk(&archive[..], &Limits::default(), &mut by).unwrap();
        assert_eq!(by.1, [b"first", &large[..], b"last"].concat(), "{size}");
        let mut by = By(size, Vec::new());
        assert!(walk(cut, &Limits::default(), &mut by).is_err(), "{size}");
        assert_eq!(by.1, [b"first", &large[..2 * CHUNK]].concat(), "{size}");
    }
}

#[test]
fn entries_come_in_order_with_their_content() {
    let archive = [one("./a", b"hello"), one("b", &vec![7; 700_000]), vec![0; 1024]].concat();
    let seen = seen(&archive).unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].0.path.to_string().as_str(), &seen[0].1[..]), ("/a", &b"hello"[..]));
    assert_eq!(seen[1].1, vec![7; 700_000]);
    assert_eq!(seen[1].0.mode, 0o755);
}

#[test]
fn an_archive_may_lack_its_end_marker_and_last_padding() {
    assert_eq!(seen(&one("a", b"x")).unwrap().len(), 1);
    let mut archive = one("a", b"x");
    archive.truncate(513);
    assert_eq!(seen(&archive).unwrap().len(), 1);
    assert_eq!(seen(&[]).unwrap().len(), 0);
    assert_eq!(seen(&[0; 512]).unwrap().len(), 0);
}

#[test]
fn a_file_cut_short_is_an_error_that_names_it() {
    let mut archive = one("some/file", &[1; 2000]);
    archive.truncate(1000);
    let mut count = Count(0);
    let error = walk(&archive[..], &Limits::default(), &mut count).unwrap_err();
    assert!(matches!(&error, LayerError::Truncated { path, .. } if path == "/some/file"), "{error}");
    assert!(matches!(seen(&archive), Err(LayerError::Read { .. })));
}

/// Reads what it is handed and keeps the error.
#[derive(Default)]
struct Failed(Option<io::Error>);

impl EntrySink for Failed {
    fn entry(&mut self, _: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        self.0 = io::copy(content, &mut io::sink()).err();
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

#[test]
fn content_that_is_cut_says_where_and_of_what() {
    let mut archive = [one("first", b"x"), one("some/file", &[1; 2000])].concat();
    archive.truncate(1024 + 1000);
    let mut failed = Failed::default();
    let skipped = walk(&archive[..], &Limits::default(), &mut failed).unwrap_err();
    let error = failed.0.unwrap();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    for error in [error.downcast::<LayerError>().unwrap(), skipped] {
        assert_eq!(error.to_string(), "the archive ends at byte 2024, in the middle of /some/file");
    }
}

#[test]
fn content_whose_bytes_fail_says_where() {
    let failing = Failing(io::ErrorKind::InvalidData);
    let archive = one("a", &[1; 2000]);
    let mut failed = Failed::default();
    assert!(walk(archive[..1512].chain(failing), &Limits::default(), &mut failed).is_err());
    let error = failed.0.unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let error = error.downcast::<LayerError>().unwrap();
    assert!(matches!(error, LayerError::Content { offset: 1512, .. }), "{error}");
    assert!(error.to_string().contains("in /a: "), "{error}");
    let skipped =
        walk(archive[..1512].chain(Failing(io::ErrorKind::InvalidData)), &Limits::default(), &mut Count(0));
    assert!(skipped.unwrap_err().to_string().contains("in /a: "));
}

struct Failing(io::ErrorKind);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
}

#[test]
fn a_header_cut_short_is_an_error() {
    let mut archive = [one("a", b"x"), one("b", b"y")].concat();
    archive.truncate(1024 + 100);
    assert!(matches!(seen(&archive), Err(LayerError::Truncated { .. })));
}

#[test]
fn a_file_that_claims_eight_terabytes_ends_with_its_bytes() {
    let mut archive = header("huge", 0, tar::EntryType::Regular);
    archive.set_size(8 << 40);
    archive.set_cksum();
    let mut count = Count(0);
    let error = walk(&archive.as_bytes()[..], &Limits::default(), &mut count).unwrap_err();
    assert!(matches!(error, LayerError::Truncated { .. }), "{error}");
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let error = seen(&[b'x'; 2048]).unwrap_err();
    assert!(matches!(error, LayerError::NotAnArchive { .. }), "{error}");
}

#[test]
fn names_of_gnu_and_pax_are_read() {
    let long = "d/".repeat(120) + "file";
    for format in ["gnu", "pax"] {
        let mut builder = tar::Builder::new(Vec::new());
        if format == "pax" {
            builder.append_pax_extensions([("path", long.as_bytes()), ("mtime", &b"-5.25"[..])]).unwrap();
            builder.append(&header("short", 2, tar::EntryType::Regular), &b"ok"[..]).unwrap();
        } else {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_mode(0o644);
            builder.append_data(&mut header, &long, &b"ok"[..]).unwrap();
        }
        let seen = seen(&builder.into_inner().unwrap()).unwrap();
        assert_eq!(seen[0].0.path, ImagePath::from(long.as_str()), "{format}");
        assert_eq!(seen[0].1, b"ok");
    }
}

#[test]
fn a_pax_size_that_is_no_number_is_an_error() {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("size", &b"12x"[..])]).unwrap();
    builder.append(&header("a", 0, tar::EntryType::Regular), io::empty()).unwrap();
    assert!(matches!(
        seen(&builder.into_inner().unwrap()),
        Err(LayerError::Header { .. } | LayerError::NotAnArchive { .. })
    ));
}

#[test]
fn holes_of_a_sparse_file_are_zeros() {
    // GNU sparse 1.0: the map precedes the data.
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_pax_extensions([
            ("GNU.sparse.major", &b"1"[..]),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"sparse"),
            ("GNU.sparse.realsize", b"2000"),
        ])
        .unwrap();
    let mut data = b"2\n0\n3\n1000\n4\n".to_vec();
    data.resize(512, 0);
    data.extend_from_slice(b"abcWXYZ");
    builder.append(&header("x", data.len() as u64, tar::EntryType::Regular), &data[..]).unwrap();
    let seen = seen(&builder.into_inner().unwrap()).unwrap();
    let mut expected = vec![0; 2000];
    expected[..3].copy_from_slice(b"abc");
    expected[1000..1004].copy_from_slice(b"WXYZ");
    assert_eq!(seen[0].0.path, ImagePath::from("sparse"));
    assert_eq!(seen[0].0.size, 2000);
    assert_eq!(seen[0].1, expected);
}

#[test]
fn a_map_that_promises_more_than_is_stored_is_an_error() {
    let records = [
        ("GNU.sparse.map", b"0,3,10,4".as_slice()),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.size", b"20"),
    ];
    for (stored, is_read) in [(&b"abcWXYZ"[..], true), (b"abcWX", false), (b"abc", false), (b"", false)] {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_pax_extensions(records).unwrap();
        builder.append(&header("x", stored.len() as u64, tar::EntryType::Regular), stored).unwrap();
        let walked = seen(&builder.into_inner().unwrap());
        assert_eq!(walked.is_ok(), is_read, "{walked:?}");
    }
}

#[test]
fn holes_are_handed_on_up_to_the_limit_of_the_layer() {
    let mut sparse = tar::Header::new_gnu();
    sparse.set_entry_type(tar::EntryType::GNUSparse);
    sparse.set_size(0);
    let gnu = sparse.as_gnu_mut().unwrap();
    gnu.realsize.copy_from_slice(b"00000004000\0");
    sparse.set_cksum();
    let archive = [&sparse.as_bytes()[..], sparse.as_bytes()].concat();
    let mut limits = Limits::default();
    for (most, is_read) in [(4096, true), (4095, false)] {
        limits.set("hole-bytes", most);
        let walked = walk(&archive[..], &limits, &mut Seen::default());
        assert_eq!(walked.is_ok(), is_read, "{walked:?}");
    }
}

#[test]
fn a_directory_of_old_archives_ends_in_a_slash() {
    let mut archive = one("dir/", b"");
    archive[156] = 0;
    archive[148..156].copy_from_slice(b"        ");
    let sum: u32 = archive[..512].iter().map(|&byte| u32::from(byte)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(seen(&archive).unwrap()[0].0.kind, EntryKind::Directory);
    assert_eq!(seen(&one("dir/", b"")).unwrap()[0].0.kind, EntryKind::File);
}

#[test]
fn whiteouts_are_marked_by_their_names() {
    let archive = [one("etc/.wh.motd", b""), one("d/.wh..wh..opq", b""), one(".wh..wh.x/1", b"")].concat();
    let kinds: Vec<_> =
        seen(&archive).unwrap().into_iter().map(|(e, _)| (e.path.to_string(), e.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("/etc/motd".to_owned(), EntryKind::Whiteout),
            ("/d".to_owned(), EntryKind::OpaqueDirectory),
            ("/.wh..wh.x/1".to_owned(), EntryKind::File),
        ]
    );
}

#[test]
fn too_many_entries_hit_the_limit_which_is_named() {
    let mut limits = Limits::default();
    limits.set("entries", 1);
    let archive = [one("a", b""), one("b", b"")].concat();
    let error = walk(&archive[..], &limits, &mut Count(0)).unwrap_err();
    assert!(error.to_string().contains("--limit entries="), "{error}");
}

#[test]
fn a_name_of_gigabytes_hits_the_limit_before_it_is_read() {
    let mut long = tar::Header::new_gnu();
    long.set_entry_type(tar::EntryType::GNULongName);
    long.set_size(3 << 30);
    long.set_cksum();
    let archive = [long.as_bytes().to_vec(), vec![b'a'; 4096]].concat();
    let error = seen(&archive).unwrap_err();
    assert!(error.to_string().contains("--limit header-bytes="), "{error}");
}

#[test]
fn an_endless_chain_of_sparse_headers_hits_the_limit() {
    let mut sparse = tar::Header::new_gnu();
    sparse.set_entry_type(tar::EntryType::GNUSparse);
    sparse.set_size(0);
    sparse.as_gnu_mut().unwrap().isextended[0] = 1;
    sparse.set_cksum();
    let mut block = [0; 512];
    // The byte that says that another block follows.
    block[504] = 1;
    let archive = [sparse.as_bytes().to_vec(), block.repeat(100_000)].concat();
    let error = seen(&archive).unwrap_err();
    assert!(matches!(error, LayerError::Limit { .. }), "{error}");
}

proptest! {
    #[test]
    fn damaged_archives_never_panic(at in 0_usize..3000, byte: u8, cut in 0_usize..3000) {
        let mut archive = [one("a", &[1; 600]), one("b", b"y"), one(".wh.c", b"")].concat();
        let length = archive.len();
        archive[at % length] = byte;
        archive.truncate(cut.max(1));
        let _ = seen(&archive);
    }

    #[test]
    fn what_the_tar_crate_writes_is_read_back(files in btree_map("[a-z]{1,8}(/[a-z]{1,60}){0,4}", vec(any::<u8>(), 0..2000), 0..8)) {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in &files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, &content[..]).unwrap();
        }
        let seen = seen(&builder.into_inner().unwrap()).unwrap();
        let path = |entry: &Entry| String::from_utf8_lossy(entry.path.as_bytes()).into_owned();
        let read: BTreeMap<_, _> = seen.into_iter().map(|(entry, content)| (path(&entry), content)).collect();
        prop_assert_eq!(read, files);
    }
}

#[test]
fn an_archive_may_end_in_the_padding_of_a_header() {
    for header in ["x", "g", "L", "K"] {
        let mut last = one("h", b"10 path=x\n");
        last[156] = header.as_bytes()[0];
        let sum: u32 =
            last[..148].iter().chain(b"        ").chain(&last[156..512]).map(|&byte| u32::from(byte)).sum();
        last[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let archive = [one("a", b"x"), last].concat();
        for length in 1024 + 512 + 10..=archive.len() {
            assert_eq!(seen(&archive[..length]).unwrap().len(), 1, "{header} {length}");
        }
        assert!(matches!(seen(&archive[..1024 + 512 + 9]), Err(LayerError::Truncated { .. })), "{header}");
    }
}

#[test]
fn a_path_is_bounded_as_it_is_meant_and_named() {
    use sbomctl_testkit::EntryType::{Regular, Symlink};

    let entry = |kind: sbomctl_testkit::EntryType, name: &str, target: &str| {
        let archive = sbomctl_testkit::TarBuilder::new()
            .pax([("path", name.as_bytes()), ("linkpath", target.as_bytes())]);
        seen(&archive.entry(kind, b"z", b"", b"").build())
    };
    let long = format!("dir/{}", "x".repeat(4093));
    assert!(entry(Regular, &format!("{}a", "./".repeat(5000)), "").is_ok());
    assert!(entry(Regular, "a", &long).is_ok());
    for (kind, name, target, shown) in
        [(Regular, long.as_str(), "", "/dir/xxx"), (Symlink, "a/b", &long, "/a/b:")]
    {
        let error = entry(kind, name, target).unwrap_err().to_string();
        assert!(error.contains(shown) && error.contains("--limit path-bytes="), "{error}");
    }
}

#[test]
fn a_fault_of_the_first_header_is_said_to_be_that() {
    let mut header = header("a", 0, tar::EntryType::Regular);
    header.as_mut_bytes()[124..136].copy_from_slice(b"x          \0");
    header.set_cksum();
    let error = seen(&[&header.as_bytes()[..], &[0; 1024]].concat()).unwrap_err();
    assert!(matches!(error, LayerError::Header { offset: 0, .. }), "{error}");
}
