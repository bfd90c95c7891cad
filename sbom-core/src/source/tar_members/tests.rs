//! Which members of an archive count, and what is refused.

use sbomctl_testkit::TarBuilder;

use super::*;

fn members(archive: Vec<u8>) -> Members<Box<dyn Read + Send>> {
    Members::new(Box::new(io::Cursor::new(archive)), "test.tar", &Limits::default())
}

fn list(archive: Vec<u8>) -> Result<Vec<(String, MemberKind, u64)>, SourceError> {
    let mut members = members(archive);
    let mut list = Vec::new();
    while let Some(member) = members.next()? {
        let name = member.name.map_or_else(|| "-".to_owned(), |name| name.to_string());
        list.push((name, member.kind, member.size));
    }
    Ok(list)
}

#[test]
fn members_come_in_order_with_normal_names() {
    let archive = TarBuilder::new()
        .dir("./a")
        .file("./a/b", "content")
        .symlink("c/d", "../a/b")
        .hardlink("e", "a/b")
        .fifo("f")
        .pax_name("n".repeat(200), "x")
        .build();
    let link = || MemberKind::Link("a/b".into());
    assert_eq!(
        list(archive).unwrap(),
        [
            ("/a".to_owned(), MemberKind::Other, 0),
            ("/a/b".to_owned(), MemberKind::File, 7),
            ("/c/d".to_owned(), link(), 0),
            ("/e".to_owned(), MemberKind::HardLink("a/b".into()), 0),
            ("/f".to_owned(), MemberKind::Other, 0),
            (format!("/{}", "n".repeat(200)), MemberKind::File, 1),
        ]
    );
}

#[test]
fn a_name_above_the_root_names_nothing() {
    let archive = TarBuilder::new()
        .file("../manifest.json", "[]")
        .file("a/../../manifest.json", "[]")
        .file("a/../manifest.json", "{}")
        .file("./".repeat(1000) + "index.json", "")
        .build();
    let names: Vec<String> = list(archive).unwrap().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["-", "-", "/manifest.json", "/index.json"]);
}

#[test]
fn a_sparse_member_is_refused_by_name() {
    let map = [("GNU.sparse.map", b"0,3".as_slice()), ("GNU.sparse.numblocks", b"1")];
    let archive = TarBuilder::new().file("a", "x").pax(map).file("blobs/b", "xyz").build();
    let error = list(archive).unwrap_err();
    assert!(matches!(&error, SourceError::SparseMember { member, .. } if member == "blobs/b"), "{error}");
}

#[test]
fn a_list_is_a_regular_file_with_a_relative_name() {
    let good = TarBuilder::new().file("./manifest.json", "[]").file("x/../index.json", "{}");
    let good = good.dir("blobs/oci-layout").symlink("repositories", "index.json");
    assert_eq!(list(good.clone().build()).unwrap().len(), 4);
    for bad in [
        good.clone().dir("oci-layout"),
        good.clone().dir("./oci-layout/"),
        good.clone().fifo("index.json"),
        good.clone().symlink("manifest.json", "a"),
        good.clone().hardlink("manifest.json", "a"),
        good.clone().file("/oci-layout", "{}"),
    ] {
        let error = list(bad.file("manifest.json", "[]").build()).unwrap_err();
        assert!(matches!(error, SourceError::ListMember { .. }), "{error}");
    }
}

#[test]
fn an_archive_that_begins_like_something_compressed_is_refused() {
    let error = list(TarBuilder::new().file("a", "x").field(0, b"\xfd7zXZ\0").build()).unwrap_err();
    assert!(error.to_string().contains("at once"), "{error}");
}

#[test]
fn what_links_make_ambiguous_is_refused() {
    let new = TarBuilder::new;
    let check = |archive: TarBuilder, is_read: bool| {
        let listed = list(archive.build());
        let refused = matches!(listed, Err(SourceError::LinkedMember { .. }));
        assert_eq!((listed.is_ok(), refused), (is_read, !is_read), "{listed:?}");
    };
    check(new().symlink("d", ".").file("d/manifest.json", "[]"), false);
    check(new().file("d/c.json", "{}").file("d-e", "").symlink("d", "e"), false);
    check(new().symlink("d", "e").symlink("d/f/x", "y"), false);
    check(new().symlink("c.json", "evil").file("./c.json", "{}"), false);
    check(new().hardlink("c.json", "evil").symlink("c.json", "good"), false);
    check(new().symlink("d", "e/f").symlink("c.json", "d/../x"), false);
    check(new().hardlink("c.json", "d/../x"), false);
    check(new().dir("d").file("d/x", "").file("e", "").symlink("d-e", "d/x").symlink("e/f", "../d/x"), true);
    check(new().symlink("1/layer.tar", "../2/layer.tar").file("2/layer.tar", "x").file("1/json", ""), true);
    check(new().symlink("a", "../../x").symlink("a", "b").symlink("d", "x").dir("d"), true);
}

#[test]
fn content_is_read_or_skipped() {
    let big = vec![7; 100_000];
    let archive = TarBuilder::new().file("a", &big).file("b", "xyz").file("c", &big).build();
    let mut members = members(archive);
    members.next().unwrap();
    let mut part = [0; 10];
    members.content().read_exact(&mut part).unwrap();
    assert_eq!(part, [7; 10]);
    members.next().unwrap();
    assert_eq!(io::read_to_string(members.content()).unwrap(), "xyz");
    assert_eq!(members.next().unwrap().unwrap().name, Some("c".into()));
    assert_eq!(io::copy(&mut members.content(), &mut io::sink()).unwrap(), 100_000);
    assert!(members.next().unwrap().is_none());
    assert!(members.next().unwrap().is_none());
}

#[test]
fn an_archive_that_ends_within_a_member_is_truncated() {
    let whole = TarBuilder::new().file("a", vec![1; 5000]).build();
    for length in [100, 512 + 1, 512 + 4999] {
        let error = list(whole[..length].to_vec()).unwrap_err();
        assert!(matches!(error, SourceError::Truncated { .. }), "{length}: {error}");
    }
    let extended = TarBuilder::new().file("a", "").pax([("path", b"b".as_slice())]).without_end().build();
    for length in 512 + 512 + 9..=extended.len() {
        assert_eq!(list(extended[..length].to_vec()).unwrap().len(), 1, "{length}");
    }
    assert!(list(extended[..512 + 512 + 8].to_vec()).is_err());
    // Neither the padding nor the end marker is missed.
    for length in [512 + 5000, 512 + 5120, 512 + 5120 + 512] {
        assert_eq!(list(whole[..length].to_vec()).unwrap().len(), 1, "{length}");
    }
}

#[test]
fn a_member_that_claims_to_be_endless_is_refused() {
    let mut archive = TarBuilder::new().file("a", "").build();
    // The size field, as a base-256 number of 64 bits; the checksum is made good again.
    archive[124..136].copy_from_slice(&[0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    archive[148..156].copy_from_slice(b"        ");
    let sum: u32 = archive[..512].iter().map(|&b| u32::from(b)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(list(archive).is_err());
}

#[test]
fn a_damaged_header_is_an_error_with_its_offset() {
    let archive = TarBuilder::new().file("a", "x").raw([b'z'; 512]).build();
    let error = list(archive).unwrap_err();
    assert!(matches!(error, SourceError::Archive { offset: 1024, .. }), "{error}");
}

#[test]
fn a_million_members_hit_the_limit() {
    let block = TarBuilder::new().file("a", "").without_end().build();
    let mut limits = Limits::default();
    let reader = |count: u64| {
        let endless = io::Cursor::new(block.clone()).chain(Repeat { block: block.clone(), at: 0 });
        Box::new(endless.take(512 * count)) as Box<dyn Read + Send>
    };
    let mut members = Members::new(reader(1_000_000), "test.tar", &limits);
    let error = std::iter::from_fn(|| members.next().transpose()).find_map(Result::err).unwrap();
    assert!(error.to_string().contains("--limit archive-members="), "{error}");
    limits.set("archive-members", 7);
    let mut members = Members::new(reader(7), "test.tar", &limits);
    assert_eq!(std::iter::from_fn(|| members.next().unwrap()).count(), 7);
}

struct Repeat {
    block: Vec<u8>,
    at: usize,
}

impl Read for Repeat {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        for byte in target.iter_mut() {
            *byte = self.block[self.at % self.block.len()];
            self.at += 1;
        }
        Ok(target.len())
    }
}

#[test]
fn an_endless_chain_of_sparse_maps_is_refused() {
    let mut header = TarBuilder::new().entry(tar_entry_sparse(), b"a", b"", b"").without_end().build();
    header[482] = 1; // isextended
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header[..512].iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut extension = vec![0_u8; 512];
    extension[504] = 1;
    let endless = io::Cursor::new(header).chain(Repeat { block: extension, at: 0 });
    let mut members = Members::new(Box::new(endless) as Box<dyn Read + Send>, "test.tar", &Limits::default());
    assert!(matches!(members.next(), Err(SourceError::Limit { .. })));
}

fn tar_entry_sparse() -> sbomctl_testkit::EntryType {
    sbomctl_testkit::EntryType::GNUSparse
}
