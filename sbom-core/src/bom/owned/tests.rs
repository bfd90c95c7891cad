//! Lists of owned files, packed and unpacked, whole and damaged.

use proptest::{collection::vec, option, prelude::*};

use super::*;

fn file(path: &str) -> OwnedFile {
    OwnedFile { path: path.into(), digest: None, is_config: false }
}

fn packed_of(files: impl IntoIterator<Item = OwnedFile>) -> Vec<u8> {
    files.into_iter().collect::<OwnedFiles>().as_packed().to_vec()
}

/// Reads `packed` with room enough.
fn read(packed: &[u8]) -> Option<OwnedFiles> {
    OwnedFiles::of_packed(&Arc::new(packed.to_vec()), 0..packed.len(), &mut usize::MAX.clone())
}

#[test]
fn paths_share_their_beginnings() {
    let digest = Some(FileDigest::Md5([7; 16]));
    let config = OwnedFile { digest, is_config: true, ..file("etc/a.conf") };
    let expected = [&b"\x05\x00\x0aetc/a.conf"[..], &[7; 16], b"\x00\x04\x01b"].concat();
    assert_eq!(packed_of([file("etc/b"), config]), expected);
}

#[test]
fn files_are_sorted_and_each_is_there_once() {
    let config = OwnedFile { is_config: true, ..file("b") };
    let files: OwnedFiles =
        [config.clone(), file("b"), file("a/c"), file("a-c"), file(""), file("b")].into_iter().collect();
    assert_eq!(files.len(), 5);
    assert_eq!(Vec::from_iter(&files), [file(""), file("a-c"), file("a/c"), file("b"), config]);
    assert_eq!(files.iter().len(), 5);
    assert_eq!(files.last_path(), Some("b".into()));
    assert_eq!(OwnedFiles::default().last_path(), None);
}

#[test]
fn digests_are_shown_with_their_algorithm() {
    let digest = FileDigest::Sha1([0xab; 20]);
    assert_eq!(digest.to_string(), format!("sha1:{}", "ab".repeat(20)));
    let files: OwnedFiles = [OwnedFile { digest: Some(digest), ..file("a") }].into_iter().collect();
    assert!(format!("{files:?}").contains(&format!("FileDigest({digest})")), "{files:?}");
}

#[test]
fn what_is_no_list_is_refused() {
    for (packed, why) in [
        (&b"\x00\x01\x01a"[..], "shares with nothing"),
        (b"\x00\x00\x01a\x00\x02\x01b", "shares more than there is"),
        (b"\x08\x00\x01a", "an unknown mark"),
        (b"\x01\x00\x01a123456789012345", "a digest too short"),
        (b"\x00\x00\x02a", "a path too short"),
        (b"\x00\x80\x00\x01a", "a number longer than it needs"),
        (b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a", "a number too large"),
        (b"\x00\x00", "half a file"),
    ] {
        assert_eq!(read(packed), None, "{why}");
    }
    assert_eq!(read(b"\x00\x00\x04a/.a\x00\x04\x01b\x00\x03\x01b").map(|files| files.len()), Some(3));
}

#[test]
fn a_list_is_part_of_what_it_was_read_from() {
    let packed = packed_of(["a", "b"].map(file));
    let all = Arc::new([b"before", &packed[..], b"behind"].concat());
    let read = OwnedFiles::of_packed(&all, 6..6 + packed.len(), &mut 2).unwrap();
    assert_eq!(read.as_packed().as_ptr(), all[6..].as_ptr());
    assert_eq!(Vec::from_iter(&read), ["a", "b"].map(file));
    assert_eq!(read, ["b", "a"].map(file).into_iter().collect());
    assert_eq!(OwnedFiles::of_packed(&all, 6..all.len() + 1, &mut 2), None);
    assert_eq!(OwnedFiles::of_packed(&all, 3..3, &mut 0), Some(OwnedFiles::default()));
}

#[test]
fn paths_that_swell_are_refused() {
    let files: OwnedFiles = (0..9).map(|n| file(&format!("{}{n}", "a".repeat(999)))).collect();
    assert_eq!(files.path_bytes(), 9000);
    for (room, is_read) in [(9000, true), (8999, false), (0, false)] {
        let mut left = room;
        let all = Arc::new(files.as_packed().to_vec());
        let read = OwnedFiles::of_packed(&all, 0..all.len(), &mut left);
        assert_eq!(read.is_some(), is_read, "{room}");
        assert!(!is_read || left == 0);
    }
}

fn files() -> impl Strategy<Value = Vec<OwnedFile>> {
    let byte = prop_oneof![4 => prop::sample::select(&b"ab./"[..]), 1 => any::<u8>()];
    let path = prop_oneof![9 => vec(byte.clone(), 0..12), 1 => vec(byte, 100..300)];
    let digest = prop_oneof![
        any::<[u8; 16]>().prop_map(FileDigest::Md5),
        any::<[u8; 20]>().prop_map(FileDigest::Sha1),
        any::<[u8; 32]>().prop_map(FileDigest::Sha256),
    ];
    let file = (path, option::of(digest), any::<bool>()).prop_map(|(path, digest, is_config)| OwnedFile {
        path: ImagePath::new(&path),
        digest,
        is_config,
    });
    vec(file, 0..20)
}

proptest! {
    #[test]
    fn files_are_unpacked_as_they_were(mut files in files()) {
        let packed = OwnedFiles::from(files.clone());
        files.sort();
        files.dedup();
        prop_assert_eq!(packed.len(), files.len());
        prop_assert_eq!(packed.path_bytes(), files.iter().map(|file| file.path.as_bytes().len()).sum::<usize>());
        prop_assert_eq!(packed.last_path(), files.last().map(|file| file.path.clone()));
        prop_assert_eq!(read(packed.as_packed()), Some(packed.clone()));
        prop_assert_eq!(Vec::from_iter(&packed), files);
    }

    #[test]
    fn damaged_lists_are_refused_or_end_where_they_say(
        files in files(),
        change in vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut packed = packed_of(files);
        packed.push(0);
        for (at, byte) in change {
            *at.get_mut(&mut packed) = byte;
        }
        for bytes in [&packed[..], &packed[..packed.len() - 1], &packed[..cut.index(packed.len())]] {
            if let Some(list) = read(bytes) {
                prop_assert_eq!(list.iter().count(), list.len());
                prop_assert_eq!(list.as_packed(), bytes);
                let mut files = list.unpack();
                let lengths = std::iter::from_fn(|| files.next().map(|file| file.path.len()));
                prop_assert_eq!(lengths.sum::<usize>(), list.path_bytes());
            }
        }
    }
}
