//! Executables of any length, read whole and in parts.

use object::ReadRef as _;

use super::{super::needles::Needle, *};
use crate::digest::Digest;

const NEEDLE: Needle =
    Needle { pattern: b"NEEDLE", before: 4, after: 16, accept: |_, _| true, is_optional: false };

fn small_limits() -> Limits {
    let mut limits = Limits::default();
    limits.set("executable-bytes", 1000);
    limits.set("executable-parts-bytes", 4 << 20);
    limits
}

fn file(size: usize, needles: &[usize]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
    for &at in needles {
        bytes[at..at + 6].copy_from_slice(b"NEEDLE");
    }
    bytes
}

#[test]
fn a_small_file_is_kept_whole() {
    let bytes = file(1000, &[]);
    let content = retain_executable(&mut &bytes[..], 1000, &Needles::new([NEEDLE]), &small_limits()).unwrap();
    assert_eq!(content.whole(), Some(&bytes[..]));
    assert_eq!(content.sha256(), Digest::of(&bytes));
}

#[test]
fn what_is_hashed_as_it_passes_has_the_digest_of_the_whole_file() {
    for size in [0, 1000, CHUNK, 3 * CHUNK + 7] {
        for needle in [0, 900, CHUNK - 3, 2 * CHUNK, 3 * CHUNK] {
            let bytes = file(size, if needle + 6 > size { &[] } else { std::slice::from_ref(&needle) });
            let needles = Needles::new([NEEDLE]);
            let content =
                retain_executable(&mut &bytes[..], size as u64, &needles, &Limits::default()).unwrap();
            assert_eq!(content.whole(), Some(&bytes[..]));
            assert_eq!(content.sha256(), Digest::of(&bytes), "{needle} of {size}");
        }
    }
}

#[test]
fn a_buffer_that_is_used_again_leaves_nothing_behind() {
    let needles = Needles::new([NEEDLE]);
    for before in [vec![], vec![7; 3], vec![7; 5000]] {
        for size in [0, 3, 1000] {
            let bytes = file(size, if size > 500 { &[400] } else { &[] });
            let keep = |buffer, bytes: &mut &[u8]| {
                retain_executable_in(
                    buffer,
                    bytes,
                    size as u64,
                    &needles,
                    &small_limits(),
                    &Hashings::default(),
                )
                .unwrap()
            };
            let mut content = keep(before.clone(), &mut &bytes[..]);
            assert_eq!(content, keep(Vec::new(), &mut &bytes[..]));
            assert_eq!(content.take_buffer(), bytes);
            // A file that ends too early.
            let short = keep(before.clone(), &mut &bytes[..size / 2]);
            assert_eq!(short.whole(), Some(&bytes[..size / 2]));
        }
    }
    for before in [vec![], vec![7; 3], vec![7; 5 << 20]] {
        let bytes = file(6 << 20, &[2 << 20, (4 << 20) + 9]);
        let keep = |buffer, bytes: &mut &[u8]| {
            retain_executable_in(buffer, bytes, 6 << 20, &needles, &small_limits(), &Hashings::default())
                .unwrap()
        };
        let mut content = keep(before, &mut &bytes[..]);
        assert_eq!(content, keep(Vec::new(), &mut &bytes[..]));
        assert_eq!(content.take_buffer(), bytes[4 << 20..]);
    }
}

#[test]
fn of_a_large_file_head_tail_and_needles_are_kept() {
    let size = 6 << 20;
    // One hit across a chunk border, one in the middle of nowhere.
    let places = [CHUNK * 3 - 3, (2 << 20) + 77];
    let bytes = file(size, &places);
    let content =
        retain_executable(&mut &bytes[..], size as u64, &Needles::new([NEEDLE]), &small_limits()).unwrap();
    assert_eq!(content.whole(), None);
    assert_eq!(content.sha256(), Digest::of(&bytes));
    for at in places {
        assert_eq!(content.read_at(at as u64 - 4, 20), Some(&bytes[at - 4..at + 16]), "{at}");
    }
    assert_eq!(content.read_at(0, HEAD), Some(&bytes[..256 << 10]));
    let tail = size - (2 << 20);
    assert_eq!(content.read_at(tail as u64, 2 << 20), Some(&bytes[tail..]));
    assert_eq!(content.read_at(HEAD, 1), None);
    assert_eq!((&content).read_bytes_at_until(10..400, 100), Ok(&bytes[10..100]));
    assert!(content.parts().map(|(_, part)| part.len()).sum::<usize>() < 3 << 20);
}

#[test]
fn what_lies_before_a_hit_is_kept_though_another_one_lies_there() {
    let size = 6 << 20;
    let mut bytes = file(size, &[3 << 20]);
    let other = (3 << 20) + 20;
    bytes[other..other + 5].copy_from_slice(b"OTHER");
    let far = Needle { pattern: b"OTHER", before: 50, after: 5, accept: |_, _| true, is_optional: false };
    let needles = Needles::new([NEEDLE, far]);
    let content = retain_executable(&mut &bytes[..], size as u64, &needles, &small_limits()).unwrap();
    assert_eq!(content.read_at(other as u64 - 50, 55), Some(&bytes[other - 50..other + 5]));
    assert_eq!(content.read_at(other as u64 - 51, 1), None);
}

#[test]
fn rejected_hits_are_not_kept() {
    let size = 6 << 20;
    let bytes = file(size, &[3 << 20]);
    let never = Needle { accept: |_, _| false, ..NEEDLE };
    let content =
        retain_executable(&mut &bytes[..], size as u64, &Needles::new([never]), &small_limits()).unwrap();
    assert_eq!(content.read_at(3 << 20, 1), None);
}

#[test]
fn a_file_of_nothing_but_optional_needles_is_read_without_most_of_them() {
    let size = 8 << 20;
    let bytes: Vec<u8> = b"NEEDLE".iter().copied().cycle().take(size).collect();
    let needles = Needles::new([Needle { is_optional: true, after: 6, before: 0, ..NEEDLE }]);
    let content = retain_executable(&mut &bytes[..], size as u64, &needles, &small_limits()).unwrap();
    assert!(content.read_at(0, OPTIONAL as u64 - 6) == bytes.get(..OPTIONAL - 6));
    assert!(content.read_at(2 << 20, 1).is_none());
    let tail = size - (2 << 20);
    assert!(content.read_at(tail as u64, 2 << 20) == bytes.get(tail..));
}

#[test]
fn a_file_of_nothing_but_needles_hits_the_limit() {
    let size = 8 << 20;
    let bytes: Vec<u8> = b"NEEDLE".iter().copied().cycle().take(size).collect();
    assert!(matches!(
        retain_executable(&mut &bytes[..], size as u64, &Needles::new([NEEDLE]), &small_limits()),
        Err(RetainError::Limit(_))
    ));
}
