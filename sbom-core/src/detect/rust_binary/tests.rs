//! Rust programs of every format, made byte by byte.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;

use super::*;
use crate::{
    detect::{
        GapKind,
        executable::testing::{AMD64, CPU_AMD64, CPU_ARM64, Shape, elf, fat, macho, pe, wasm},
    },
    image_path::ImagePath,
    layer::{
        needles::Needles,
        retain::{Content, retain_executable},
    },
};

const LIST: &str = r#"{"packages":[
    {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1]},
    {"name":"libc","version":"0.2.150","source":"crates.io"}],"format":1}"#;
const COMMENT: &[u8] = b"GCC: (GNU) 13\0rustc version 1.95.0 (59807616e 2026-04-14)\0";
const LIBRARY: &str = "/rustc/b940084d7eb6a299eb4bfeb8e34901bc051e7ac4/library/core/src/fmt/mod.rs";
const CRATE: &str = "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/regex-1.10.2/src/lib.rs";

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(7));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn detect(content: &Content, limits: &Limits) -> (Vec<RustProgram>, Vec<Gap>) {
    let path = ImagePath::from("app");
    let file = Captured { path: &path, size: content.size(), mode: 0o644, content, limits };
    let mut out = Findings::default();
    RustDetector.detect(&file, &mut out).unwrap();
    let program = |finding| match finding {
        Finding::Rust(program) => program,
        other => panic!("{other:?}"),
    };
    (out.found.into_iter().map(program).collect(), out.gaps)
}

fn check(bytes: &[u8], architectures: &[Option<&str>]) {
    let (programs, gaps) = detect(&Content::new(bytes.to_vec()), &Limits::default());
    assert_eq!(gaps, []);
    assert_eq!(programs.iter().map(|p| p.architecture.as_deref()).collect::<Vec<_>>(), architectures);
    for program in &programs {
        let crates = &program.audit.as_ref().unwrap().crates;
        assert_eq!(crates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["app", "libc"]);
        assert_eq!(program.sha256, Some(Digest::of(bytes)));
    }
}

#[test]
fn crate_lists_of_every_format_are_read() {
    let list = compressed(LIST);
    for (wide, big) in [(true, true), (true, false), (false, true), (false, false)] {
        check(&elf(Shape { wide, big }, &[(".text", b"code"), (".dep-v0", &list)]), &[None]);
    }
    check(&macho(CPU_ARM64, &[(".dep-v0", &list)]), &[None]);
    check(&pe(&[(".text", b"code"), (".dep-v0", &list)]), &[None]);
    check(&wasm(b"data", &[("name", b"x"), (".dep-v0", &list)]), &[None]);
    let slice = |cpu| (cpu, macho(cpu, &[(".dep-v0", &list)]));
    check(&fat(&[slice(CPU_AMD64), slice(CPU_ARM64)]), &[Some("amd64"), Some("arm64")]);
}

#[test]
fn a_list_is_found_without_a_section_table() {
    let mut bytes = elf(AMD64, &[(".text", &[0x78; 100]), (".dep-v0", &compressed(LIST))]);
    // The table's offset, and the number of its entries.
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    check(&bytes, &[None]);
}

#[test]
fn a_program_without_a_list_shows_its_toolchain_and_crates() {
    let checkout = "/root/.cargo/git/checkouts/ruff-0123456789abcdef/9f8e7d6/crates/a/src/lib.rs";
    let debian = "/usr/share/cargo/registry/libc-0.2.150/src/lib.rs";
    let rodata = [LIBRARY, CRATE, checkout, CRATE, debian].concat();
    let bytes = elf(AMD64, &[(".rodata", rodata.as_bytes()), (".comment", COMMENT)]);
    let (programs, gaps) = detect(&Content::new(bytes), &Limits::default());
    assert_eq!(gaps, []);
    let [program] = programs.as_slice() else { panic!("{programs:?}") };
    assert_eq!(program.toolchain.versions, ["1.95.0"]);
    assert_eq!(program.toolchain.commits, ["b940084d7eb6a299eb4bfeb8e34901bc051e7ac4"]);
    let crates: Vec<_> = program.crates.iter().map(|c| (c.name.as_str(), c.version.as_str())).collect();
    assert_eq!(crates, [("libc", "0.2.150"), ("regex", "1.10.2")]);
    assert_eq!(program.checkouts, ["ruff-0123456789abcdef/9f8e7d6"]);
}

#[test]
fn paths_in_a_program_that_is_not_written_in_rust_say_nothing() {
    let bytes = elf(AMD64, &[(".rodata", CRATE.as_bytes()), (".comment", b"GCC: (GNU) 13\0")]);
    let (programs, gaps) = detect(&Content::new(bytes), &Limits::default());
    assert_eq!((programs.len(), gaps.len()), (0, 0));
}

#[test]
fn a_broken_list_is_a_gap_and_the_rest_is_still_read() {
    let list = compressed(LIST);
    for (section, kind) in [
        (&list[..list.len() / 2], GapKind::Truncated),
        (b"not zlib at all", GapKind::Malformed),
        (&*compressed("[]"), GapKind::Malformed),
        (b"", GapKind::Truncated),
    ] {
        let bytes = elf(AMD64, &[(".dep-v0", section), (".rodata", [LIBRARY, CRATE].concat().as_bytes())]);
        let (programs, gaps) = detect(&Content::new(bytes), &Limits::default());
        assert_eq!(gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [kind]);
        assert_eq!(programs[0].crates.len(), 1);
    }
}

#[test]
fn a_bomb_is_a_gap() {
    let mut limits = Limits::default();
    limits.set("inflated-bytes", 1 << 20);
    let bytes = elf(AMD64, &[(".dep-v0", &compressed(&" ".repeat(2 << 20)))]);
    let (programs, gaps) = detect(&Content::new(bytes), &limits);
    assert_eq!((programs.len(), gaps[0].kind), (0, GapKind::Limit));
}

#[test]
fn a_large_file_says_the_same_in_parts() {
    let filler: Vec<u8> = (0..4 << 20).map(|i: u32| i.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let paths = [LIBRARY, CRATE].concat();
    let list = compressed(LIST);
    let listed: &[(&str, &[u8])] =
        &[(".text", &filler), (".dep-v0", &list), (".more", &filler), (".comment", COMMENT)];
    let shown: &[(&str, &[u8])] =
        &[(".text", &filler), (".rodata", paths.as_bytes()), (".comment", COMMENT), (".more", &filler)];
    let mut limits = Limits::default();
    limits.set("executable-bytes", 1000);
    limits.set("executable-parts-bytes", 2_000_000);
    for sections in [listed, shown] {
        let bytes = elf(AMD64, sections);
        let size = bytes.len() as u64;
        let parts = retain_executable(
            &mut &*bytes,
            size,
            &Needles::new(RustDetector.needles().iter().copied()),
            &limits,
        )
        .unwrap();
        assert_eq!(parts.whole(), None);
        let whole = detect(&Content::new(bytes), &Limits::default());
        assert_eq!(whole.0.len(), 1);
        assert_eq!(detect(&parts, &Limits::default()), whole);
    }
}

proptest! {
    #[test]
    fn no_program_makes_the_reader_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let paths = [LIBRARY, CRATE].concat();
        let mut bytes =
            elf(AMD64, &[(".dep-v0", &compressed(LIST)), (".rodata", paths.as_bytes()), (".comment", COMMENT)]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        detect(&Content::new(bytes), &Limits::default());
    }

    #[test]
    fn no_list_makes_the_reader_panic(
        entries in proptest::collection::vec((0..3_u8, proptest::collection::vec(any::<u8>(), 0..4)), 0..12),
    ) {
        let package = |(kind, dependencies): &(u8, Vec<u8>)| {
            let kind = ["build", "runtime", "new"][usize::from(*kind)];
            format!(r#"{{"name":"serde_derive","version":"1","source":"crates.io","kind":"{kind}","dependencies":{dependencies:?}}}"#)
        };
        let list: Vec<String> = entries.iter().map(package).collect();
        let json = format!(r#"{{"packages":[{}]}}"#, list.join(","));
        let audit = audit::parse(json.as_bytes(), &Limits::default(), &mut Vec::new()).unwrap();
        prop_assert_eq!(audit.crates.len(), entries.len());
        prop_assert!(audit.crates.iter().flat_map(|c| &c.dependencies).all(|&index| index < entries.len()));
    }
}

#[test]
fn the_list_of_crates_counts_as_long_as_it_is_unpacked() {
    let content = Content::new(elf(AMD64, &[(".dep-v0", &compressed(LIST))]));
    let (path, limits) = (ImagePath::from("app"), Limits::default());
    let file =
        Captured { path: &path, size: content.size(), mode: 0o755, content: &content, limits: &limits };
    let mut out = Findings::default();
    RustDetector.detect(&file, &mut out).unwrap();
    assert_eq!((out.found.len(), out.taken), (1, LIST.len() as u64));
}
