//! Archives in which it matters which header is believed. What is expected is what Go 1.27's `archive/tar` reads in them.

use sbomctl_testkit::{EntryType, TarBuilder};

use super::*;

const DATABASE: &str = "lib/apk/db/installed";
const USTAR: &[u8] = b"ustar\x0000";
const NO_MAGIC: &[u8] = &[0; 8];
const MAGIC: usize = 257;
const SIZE: usize = 124;
const FLAG: usize = 156;
const PREFIX: usize = 345;

/// Entries, and in the end what keeps the rest from being read.
pub(super) fn entries(archive: &[u8]) -> Vec<String> {
    let mut headers = Headers::new(&Limits::default());
    let (mut seen, mut at, mut wanted) = (Vec::new(), 0_usize, BLOCK);
    loop {
        at = at.min(archive.len());
        let end = at.saturating_add(wanted).min(archive.len());
        match headers.read(&archive[at..end]) {
            Ok(Found::More(more)) => {
                assert!(more > end - at, "{more} is no more than there was");
                if end == archive.len() {
                    seen.extend((at < end).then(|| "cut".to_owned()));
                    return seen;
                }
                wanted = more;
                continue;
            }
            Ok(Found::Passed(length)) => at += length,
            Ok(Found::Global(length, names)) => {
                let names = names.map(|name| name.escape_ascii().to_string());
                seen.push(format!("Global {}", names.join(" or ")));
                at += length;
            }
            Ok(Found::Entry(length, header)) => {
                let stored = usize::try_from(header.stored).unwrap();
                assert!(length <= end - at);
                seen.push(described(&header));
                at = (at + length).saturating_add(stored).next_multiple_of(BLOCK);
            }
            Ok(Found::End) => return seen,
            Err(error) => {
                seen.push(error.to_string());
                return seen;
            }
        }
        wanted = BLOCK;
    }
}

fn described(header: &Header<'_>) -> String {
    let Header { kind, name, target, size, stored, sparse, .. } = header;
    let arrow = if target.is_empty() { "" } else { " -> " };
    let size = if let Some(runs) = sparse {
        let runs: Vec<_> = runs.iter().map(|run| format!("{}+{}", run.offset, run.length)).collect();
        format!("{stored} in {size} at {}", runs.join(","))
    } else {
        assert_eq!(size, stored);
        size.to_string()
    };
    format!("{kind:?} {}{arrow}{} {size}", name.escape_ascii(), target.escape_ascii())
}

fn check(archive: TarBuilder, expected: &[&str]) {
    assert_eq!(entries(&archive.build()), expected);
}

fn new() -> TarBuilder {
    TarBuilder::new()
}

/// A header with `content`, whose fields are given as they are to stand there.
fn meta(archive: TarBuilder, kind: EntryType, content: &[u8]) -> TarBuilder {
    archive.entry(kind, b"meta", b"", content)
}

fn long_name(archive: TarBuilder, name: &[u8]) -> TarBuilder {
    meta(archive, EntryType::GNULongName, name)
}

fn long_link(archive: TarBuilder, name: &[u8]) -> TarBuilder {
    meta(archive, EntryType::GNULongLink, name)
}

#[test]
fn what_has_no_content_has_none_whatever_size_it_claims() {
    for (flag, kind) in [
        (b'1', "HardLink"),
        (b'2', "Symlink"),
        (b'3', "Special"),
        (b'4', "Special"),
        (b'5', "Directory"),
        (b'6', "Special"),
    ] {
        let first = new().file("tmp/x", "").field(FLAG, [flag]);
        let expected = [format!("{kind} tmp/x 0"), format!("File {DATABASE} 3")];
        for size in [&b"00000001000\0"[..], &[0xff; 12]] {
            assert_eq!(entries(&first.clone().field(SIZE, size).file(DATABASE, "P:a").build()), expected);
        }
        let first = new().pax([("size", b"1024".as_slice())]).file("tmp/x", "").field(FLAG, [flag]);
        assert_eq!(entries(&first.file(DATABASE, "P:a").build()), expected);
    }
}

#[test]
fn an_empty_record_leaves_what_the_header_says() {
    let empty = [("path", b"".as_slice()), ("linkpath", b""), ("size", b"")];
    check(new().pax(empty).file(DATABASE, "P:a"), &["File lib/apk/db/installed 3"]);
    check(new().pax(empty).symlink("a", "b"), &["Symlink a -> b 0"]);
    // The last of several counts, and that is empty.
    let twice = [("path", b"x".as_slice()), ("path", b"")];
    check(new().pax(twice).file("a", ""), &["File a 0"]);
}

#[test]
fn a_gnu_name_counts_before_a_record() {
    let record = [("path", b"decoy".as_slice()), ("linkpath", b"decoy")];
    for records_first in [true, false] {
        let records = |archive: TarBuilder, now| if now { archive.pax(record) } else { archive };
        let archive = records(new(), records_first);
        let archive = long_link(long_name(archive, b"long\0"), b"target\0");
        check(records(archive, !records_first).symlink("z", "y"), &["Symlink long -> target 0"]);
    }
    check(new().pax(record).symlink("z", "y"), &["Symlink decoy -> decoy 0"]);
}

#[test]
fn a_gnu_name_ends_at_its_first_nul() {
    check(long_name(new(), b"lib/db\0/decoy\0").file("z", ""), &["File lib/db 0"]);
    check(long_link(new(), b"lib/db\0/decoy").symlink("z", "y"), &["Symlink z -> lib/db 0"]);
    // Nothing before it is no name.
    check(long_name(new(), b"\0decoy\0").file("z", ""), &["File z 0"]);
}

#[test]
fn of_several_headers_of_one_type_the_last_counts() {
    check(long_name(long_name(new(), b"a\0"), b"b\0").file("z", ""), &["File b 0"]);
    check(long_name(long_name(new(), b"a\0"), b"\0").file("z", ""), &["File z 0"]);
    // Of the first one nothing is left, not even what the second does not speak of.
    let first = new().pax([("path", b"a".as_slice()), ("size", b"9")]);
    check(first.pax([("linkpath", b"t".as_slice())]).file("z", "xy"), &["File z -> t 2"]);
}

#[test]
fn what_was_said_of_one_entry_is_not_said_of_the_next() {
    let archive = long_link(long_name(new().pax([("size", b"1".as_slice())]), b"a\0"), b"t\0");
    check(archive.file("y", "x").file("z", "xyz"), &["File a -> t 1", "File z 3"]);
}

#[test]
fn global_records_are_left_aside_with_what_came_before_them() {
    let global = |archive| meta(archive, EntryType::XGlobalHeader, b"10 path=g\n");
    check(global(new()).file("z", ""), &["Global meta or g", "File z 0"]);
    check(
        global(long_name(new().pax([("size", b"5".as_slice())]), b"a\0")).file("z", ""),
        &["Global meta or g", "File z 0"],
    );
    let named = meta(new(), EntryType::XGlobalHeader, b"8 a=b=c\n").field(MAGIC, USTAR).field(PREFIX, b"p");
    check(named.clone(), &["Global p/meta or p/meta"]);
    check(
        long_name(new(), b"a\0").pax([("path", b"b".as_slice())]).raw(named.build()),
        &["Global p/meta or p/meta"],
    );
    check(
        meta(new(), EntryType::XGlobalHeader, b"x").file("z", ""),
        &["an extended header is malformed 0 bytes into it"],
    );
}

#[test]
fn headers_before_an_entry_count_whatever_their_format() {
    for magic in [USTAR, b"ustar  \0", NO_MAGIC, b"other!!!"] {
        let long = long_link(long_name(new(), b"a\0").field(MAGIC, magic), b"t\0").field(MAGIC, magic);
        check(long.symlink("z", "y").field(MAGIC, magic), &["Symlink a -> t 0"]);
        check(new().pax([("path", b"a".as_slice())]).field(MAGIC, magic).file("z", ""), &["File a 0"]);
    }
}

#[test]
fn only_a_file_of_old_is_a_directory_for_its_slash() {
    check(new().file("a/", "xy"), &["File a/ 2"]);
    check(
        new().file("a/", "").field(SIZE, b"00000001000\0").field(FLAG, [0]).file("b", "x"),
        &["Directory a/ 0", "File b 1"],
    );
    check(new().pax([("path", b"a/".as_slice())]).file("z", "").field(FLAG, [0]), &["Directory a/ 0"]);
    check(new().file("a", "xy").field(FLAG, [0]), &["File a 2"]);
}

#[test]
fn types_that_engines_refuse_have_content() {
    check(new().file("a", "xy").field(FLAG, b"7").file("b", ""), &["File a 2", "File b 0"]);
    check(new().file("a", "xy").field(FLAG, b"V").file("b", ""), &["Unknown a 2", "File b 0"]);
}

#[test]
fn a_prefix_counts_where_the_format_has_one() {
    let with = |magic: &[u8], prefix: &[u8]| new().file("b", "").field(MAGIC, magic).field(PREFIX, prefix);
    check(with(USTAR, b"a"), &["File a/b 0"]);
    check(with(NO_MAGIC, b"a"), &["File b 0"]);
    check(with(USTAR, &[b'a'; 155]), &[&format!("File {}/b 0", "a".repeat(155))]);
    // In star's format times follow sooner.
    check(
        with(USTAR, &[b'a'; 131]).field(476, b"1").field(508, b"tar\0"),
        &[&format!("File {}/b 0", "a".repeat(131))],
    );
    // GNU's has times there, and a prefix only if they are none.
    check(with(b"ustar  \0", b"00000000001\x0000000000002\0"), &["File b 0"]);
    check(with(b"ustar  \0", b"a"), &["File a/b 0"]);
    check(with(b"ustar  \0", b"\xc3\xa9"), &["File b 0"]);
    // A name from elsewhere takes the place of both.
    check(
        new().pax([("path", b"x".as_slice())]).file("b", "").field(MAGIC, USTAR).field(PREFIX, b"a"),
        &["File x 0"],
    );
}

#[test]
fn sizes_are_octal_or_to_base_256() {
    let sized = |size: &[u8]| new().file("a", "").field(SIZE, size).raw([0; 512]).file("b", "");
    for size in [
        &b"00000000003\0"[..],
        b"3          \0",
        b"         3 \0",
        b"\x003\0         ",
        &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
    ] {
        check(sized(size), &["File a 3", "File b 0"]);
    }
    for size in [&b"00000000008\0"[..], b"-0000000003\0", b"1 2\0        ", &[0xbf; 12]] {
        check(sized(size), &["the size in a header is no number"]);
    }
    check(sized(&[0xff; 12]), &["the size in a header is negative"]);
    check(new().file("a", "").field(SIZE, [0; 12]), &["File a 0"]);
}

#[test]
fn a_record_counts_for_the_size() {
    let sized = |size: &[u8]| new().pax([("size", size)]).file("a", "xyz").field(SIZE, b"00000000000\0");
    check(sized(b"3").file("b", ""), &["File a 3", "File b 0"]);
    check(sized(b"+3").file("b", ""), &["File a 3", "File b 0"]);
    check(sized(b"-3"), &["the size in a header is negative"]);
    check(sized(b"0x3"), &["size in an extended header is no number: \"0x3\""]);
    check(
        sized(b"99999999999999999999"),
        &["size in an extended header is no number: \"99999999999999999999\""],
    );
}

#[test]
fn records_follow_their_form() {
    let good =
        |body: &[u8], expected| check(meta(new(), EntryType::XHeader, body).file("z", ""), &[expected]);
    good(b"10 path=x\n", "File x 0");
    good(b"+10 path=x\n9 path=y\n", "an extended header is malformed 0 bytes into it");
    good(b"011 path=x\n", "File x 0");
    good(b"", "File z 0");
    // A NUL may stand in a value that is none of the names.
    good(b"8 a=b\0c\n", "File z 0");
    good(b"13 path=a=b=\n", "File a=b= 0");
    let bad = |body: &[u8], at| {
        let error = format!("an extended header is malformed {at} bytes into it");
        check(meta(new(), EntryType::XHeader, body).file("z", ""), &[&error]);
    };
    for body in [
        &b"10 path=\0\n"[..],
        b"14 linkpath=\0\n",
        b"7 a\0=b\n",
        b"9 path=x",
        b"99 path=x\n",
        b"4 =\n",
        b"5 =x\n",
        b"6 abc\n",
        b"10path=x\n",
        b"-10 path=x\n",
        b"18446744073709551616 a=b\n",
    ] {
        bad(body, 0);
    }
    bad(b"10 path=x\nrest", 10);
}

#[test]
fn a_checksum_may_be_of_signed_bytes() {
    let mut archive = new().file("b\u{e9}", "").build();
    let sum = archive[..512].iter().enumerate().map(|(at, &byte)| {
        i64::from(if (148..156).contains(&at) { b' '.cast_signed() } else { byte.cast_signed() })
    });
    let sum: i64 = sum.sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(entries(&archive), [r"File b\xc3\xa9 0"]);
    archive[148..156].copy_from_slice(format!("{:06o}\0 ", sum + 1).as_bytes());
    assert_eq!(entries(&archive), ["the checksum of a header is wrong"]);
}

#[test]
fn a_single_empty_block_is_not_the_end() {
    // Go refuses what comes behind it.
    check(
        new().file("a", "").raw([0; 512]).file("b", "").raw([0; 1024]).file("c", ""),
        &["File a 0", "File b 0"],
    );
}

fn sparse(records: &[(&str, &str)], content: &[u8]) -> TarBuilder {
    new().pax(records.iter().map(|(key, value)| (*key, value.as_bytes()))).file("z", content).file("b", "")
}

#[test]
fn a_sparse_file_has_its_map_in_records() {
    let pieces = [
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.offset", "1"),
        ("GNU.sparse.numbytes", "2"),
        ("GNU.sparse.offset", "5"),
        ("GNU.sparse.numbytes", "1"),
        ("GNU.sparse.size", "9"),
    ];
    check(sparse(&pieces, b"xyz"), &["File z 3 in 9 at 1+2,5+1", "File b 0"]);
    let whole = [
        ("GNU.sparse.major", "0"),
        ("GNU.sparse.minor", "1"),
        ("GNU.sparse.name", "a"),
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.map", "1,2,5,1"),
        ("GNU.sparse.realsize", "9"),
    ];
    check(sparse(&whole, b"xyz"), &["File a 3 in 9 at 1+2,5+1", "File b 0"]);
    check(sparse(&whole[..5], b"xyz"), &["the map of a sparse file goes beyond the end of the file"]);
    // Without a length of its own, it is as long as its content.
    let full = [("GNU.sparse.map", "0,3"), ("GNU.sparse.numblocks", "1")];
    check(sparse(&full, b"xyz"), &["File z 3 in 3 at 0+3", "File b 0"]);
    for (map, blocks, expected) in [
        ("1,2,5", "2", "the map of a sparse file ends within a run"),
        ("1,2,2,1", "2", "the map of a sparse file has runs that are not in order"),
        ("1,-2,5,1", "2", "the map of a sparse file has runs that are not in order"),
        ("1,2,x,1", "2", "the map in a header is no number"),
        ("1,2,5,1", "3", "the map of a sparse file has another number of runs than is said"),
        ("1,2,5,1", "", "the map of a sparse file lacks the number of its runs"),
    ] {
        let records = [("GNU.sparse.map", map), ("GNU.sparse.numblocks", blocks), ("GNU.sparse.size", "9")];
        check(sparse(&records, b"xyz"), &[expected]);
    }
    let mixed = [("GNU.sparse.numbytes", "2"), ("GNU.sparse.offset", "1")];
    check(sparse(&mixed, b"xyz"), &["an extended header is malformed 0 bytes into it"]);
}

#[test]
fn a_sparse_file_has_its_map_before_its_content() {
    let content = |map: &str, rest: &str| {
        let mut content = map.as_bytes().to_vec();
        content.resize(content.len().next_multiple_of(512), 0);
        [&content, rest.as_bytes()].concat()
    };
    let check = |map: &str, rest: &str, size: &str, expected: &[&str]| {
        let version = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "a")];
        let records = [&version[..], &[("GNU.sparse.realsize", size)]].concat();
        check(sparse(&records, &content(map, rest)), expected);
    };
    check("2\n1\n2\n5\n1\n", "xyz", "9", &["File a 3 in 9 at 1+2,5+1", "File b 0"]);
    check("0\n", "", "9", &["File a 0 in 9 at ", "File b 0"]);
    // A map of several blocks.
    let many: String = (0..300).map(|run| format!("{}\n1\n", run * 2)).collect();
    let runs: Vec<String> = (0..300).map(|run| format!("{}+1", run * 2)).collect();
    let expected = format!("File a 300 in 600 at {}", runs.join(","));
    check(&format!("300\n{many}"), &"x".repeat(300), "600", &[&expected, "File b 0"]);
    check("2\n1\n2\n5\n", "xyz", "9", &["the map of a sparse file is longer than the content that holds it"]);
    check("-1\n", "", "9", &["the map of a sparse file has less than no runs"]);
    check("x\n", "", "9", &["the map in a header is no number"]);
    check("1\n1\n2\n", "xy", "2", &["the map of a sparse file goes beyond the end of the file"]);
}

#[test]
fn a_sparse_name_without_a_version_or_map_is_none() {
    check(sparse(&[("GNU.sparse.name", "a")], b"xyz"), &["File z 3", "File b 0"]);
    let unknown = [("GNU.sparse.name", "a"), ("GNU.sparse.major", "2"), ("GNU.sparse.map", "0,3")];
    check(sparse(&unknown, b"xyz"), &["File z 3", "File b 0"]);
}

#[test]
fn what_has_no_content_is_not_sparse() {
    let records = [("GNU.sparse.map", b"0,0".as_slice()), ("GNU.sparse.numblocks", b"1")];
    check(new().pax(records).dir("a"), &["the map of a sparse file belongs to what has no content"]);
}

#[test]
fn a_sparse_file_of_gnu_has_its_map_in_blocks() {
    let pair = |offset: usize, length: usize| format!("{offset:011o}\0{length:011o}\0");
    let pairs =
        |from: usize, count: usize| (from..from + count).map(|run| pair(run * 2, 1)).collect::<String>();
    let header = |size: &str, pairs: &str, goes_on: u8| {
        let header = new().entry(EntryType::GNUSparse, b"a", b"", b"").field(386, pairs).field(483, size);
        header.field(482, [goes_on]).field(SIZE, b"00000000003\0")
    };
    let content = [&b"xyz"[..], &[0; 509]].concat();
    let three = header("00000000011\0", &pairs(0, 3), 0);
    check(three.clone().raw(&content).file("b", ""), &["File a 3 in 9 at 0+1,2+1,4+1", "File b 0"]);
    check(three.field(MAGIC, USTAR), &["the map of a sparse file is not of GNU's format"]);
    let mut further = [pairs(4, 21).into_bytes(), vec![1; 1], vec![0; 7]].concat();
    further.extend([pairs(25, 1).into_bytes(), vec![0; 488]].concat());
    let runs: Vec<String> = (0..26).map(|run| format!("{}+1", run * 2)).collect();
    let expected = format!("File a 26 in 64 at {}", runs.join(","));
    check(
        header("00000000100\0", &pairs(0, 4), 1)
            .field(SIZE, b"00000000032\0")
            .raw(further)
            .raw(&content)
            .file("b", ""),
        &[&expected, "File b 0"],
    );
    check(
        header("00000000003\0", &pairs(0, 4), 0),
        &["the map of a sparse file goes beyond the end of the file"],
    );
    check(header("x          \0", &pairs(0, 3), 0), &["the real size in a header is no number"]);
}

#[test]
fn bounds_are_named() {
    let path = format!("{}x", "y/".repeat(3000));
    let errors = [
        entries(&new().file(path, "").build()),
        entries(&long_name(new(), &vec![b'a'; 1 << 20]).file("z", "").build()),
        entries(&(0..3).fold(new(), |archive, _| long_name(archive, &vec![b'a'; 400_000])).build()),
    ];
    for (error, limit) in errors.iter().zip(["path-bytes", "header-bytes", "header-bytes"]) {
        assert!(error.last().unwrap().contains(&format!("--limit {limit}=")), "{error:?}");
    }
}
