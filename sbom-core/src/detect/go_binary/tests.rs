//! Go programs of every format and age, made byte by byte.

use proptest::prelude::*;

use super::*;
use crate::{
    detect::executable::testing::{
        AMD64, BASE, CPU_AMD64, CPU_ARM64, Shape, archive, counted, elf, fat, macho, pe, wasm, xcoff,
    },
    image_path::ImagePath,
    layer::{
        needles::Needles,
        retain::{Content, retain_executable},
    },
};

const BEGIN: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
const MODULES: &str = "path\texample.org/app/cmd/tool\nmod\texample.org/app\tv1.2.3\t\n\
                       dep\tgithub.com/A/b\tv1.0.0\th1:b=\nbuild\tGOOS=linux\n";

fn marked(text: &str) -> Vec<u8> {
    [BEGIN, text.as_bytes(), END].concat()
}

/// Build information of Go 1.18 and later.
fn inline(version: &str, modules: &[u8]) -> Vec<u8> {
    let mut out = b"\xff Go buildinf:\x08\x02".to_vec();
    out.resize(32, 0);
    [out, counted(version.as_bytes()), counted(modules)].concat()
}

/// Build information of Go 1.13 to 1.17, to be placed at `address` of memory.
fn pointers(shape: Shape, address: u64, version: &str, modules: &[u8]) -> Vec<u8> {
    let size = shape.pointer();
    let mut out = b"\xff Go buildinf:".to_vec();
    out.extend([u8::try_from(size).unwrap(), u8::from(shape.big)]);
    let headers = address + 16 + 2 * size as u64;
    let data = headers + 4 * size as u64;
    let length = version.len() as u64;
    for number in [headers, headers + 2 * size as u64, data, length, data + length, modules.len() as u64] {
        out.extend(shape.number(number, size));
    }
    out.extend(version.bytes());
    out.extend(modules);
    out
}

fn detect(content: &Content, limits: &Limits) -> (Vec<GoProgram>, Vec<Gap>) {
    let path = ImagePath::from("app");
    let file = Captured { path: &path, size: content.size(), mode: 0o644, content, limits };
    let mut out = Findings::default();
    GoDetector.detect(&file, &mut out).unwrap();
    let program = |finding| match finding {
        Finding::Go(program) => program,
        other => panic!("{other:?}"),
    };
    (out.found.into_iter().map(program).collect(), out.gaps)
}

fn check(bytes: &[u8], expected: &[(&str, Option<&str>)]) -> Vec<GoProgram> {
    let content = Content::new(bytes.to_vec());
    let (programs, gaps) = detect(&content, &Limits::default());
    assert_eq!(gaps, []);
    let found: Vec<_> = programs.iter().map(|p| (p.go_version.as_str(), p.architecture.as_deref())).collect();
    assert_eq!(found, expected);
    for program in &programs {
        assert_eq!(program.sha256, Some(Digest::of(bytes)));
        assert_eq!(program.path, "example.org/app/cmd/tool");
        assert_eq!(program.modules.len(), 1);
        assert_eq!(program.version.as_ref().map(|version| version.text.as_str()), Some("v1.2.3"));
    }
    programs
}

fn check_gap(bytes: &[u8], kind: GapKind) {
    let (programs, gaps) = detect(&Content::new(bytes.to_vec()), &Limits::default());
    assert_eq!(programs, []);
    assert_eq!(gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [kind]);
}

#[test]
fn programs_of_every_format_are_read() {
    let info = inline("go1.22.1", &marked(MODULES));
    let one: &[(&str, Option<&str>)] = &[("go1.22.1", None)];
    check(&elf(AMD64, &[(".text", b"code"), (".go.buildinfo", &info)]), one);
    check(&elf(AMD64, &[(".data", &info)]), one);
    check(&macho(CPU_ARM64, &[("__go_buildinfo", &info)]), one);
    check(&pe(&[(".text", b"code"), (".data", &info)]), one);
    check(&xcoff(&[(".data", &info)]), one);
    check(&archive(&[elf(AMD64, &[(".text", b"c")]), elf(AMD64, &[(".go.buildinfo", &info)])]), one);
    check(&wasm(&info, &[]), one);
}

#[test]
fn programs_of_go_1_13_to_1_17_are_read_in_every_shape() {
    for (wide, big) in [(true, true), (true, false), (false, true), (false, false)] {
        let shape = Shape { wide, big };
        let header = if wide { 128 } else { 96 };
        let info = pointers(shape, BASE + header, "go1.16.5", &marked(MODULES));
        check(&elf(shape, &[(".go.buildinfo", &info)]), &[("go1.16.5", None)]);
    }
}

#[test]
fn each_architecture_of_a_fat_file_is_a_program() {
    let program = |cpu, version| (cpu, macho(cpu, &[("__go_buildinfo", &inline(version, &marked(MODULES)))]));
    check(
        &fat(&[program(CPU_AMD64, "go1.22.1"), program(CPU_ARM64, "go1.22.2")]),
        &[("go1.22.1", Some("amd64")), ("go1.22.2", Some("arm64"))],
    );
}

#[test]
fn webassembly_is_read_though_the_linker_leaves_zeros_out() {
    let info = inline("go1.22.1", &marked(MODULES));
    let data = [&info[..16], b"\x00\x41\xa0\x80\x04\x0b", &counted(&info[32..])].concat();
    check(&wasm(&data, &[]), &[("go1.22.1", None)]);
    // Without a header the marks are left, and the toolchain's name among the producers.
    let producers =
        [&b"\x01"[..], &counted(b"language"), b"\x01", &counted(b"Go"), &counted(b"go1.22.1")].concat();
    check(&wasm(&marked(MODULES), &[("producers", &producers)]), &[("go1.22.1", None)]);
}

#[test]
fn a_program_without_modules_still_has_a_toolchain() {
    let bytes = elf(AMD64, &[(".go.buildinfo", &inline("go1.22.1", b""))]);
    let (programs, gaps) = detect(&Content::new(bytes), &Limits::default());
    assert_eq!(gaps, []);
    assert_eq!((programs[0].go_version.as_str(), programs[0].known_as()), ("go1.22.1", None));
}

#[test]
fn a_program_that_looks_for_the_mark_is_not_taken_for_one() {
    let constant = b"\xff Go buildinf:\xff Go buildinf:nothing";
    check(
        &elf(AMD64, &[(".rodata", constant), (".data", &inline("go1.22.1", &marked(MODULES)))]),
        &[("go1.22.1", None)],
    );
    let (programs, gaps) = detect(&Content::new(elf(AMD64, &[(".rodata", constant)])), &Limits::default());
    assert_eq!((programs.len(), gaps.len()), (0, 0));
}

#[test]
fn broken_build_information_is_a_gap() {
    let whole = inline("go1.22.1", &marked(MODULES));
    let start = elf(AMD64, &[(".x", b"")]).len().next_multiple_of(16);
    let mut cut = elf(AMD64, &[(".x", b"")]);
    cut.resize(start, 0);
    cut.extend(&whole[..whole.len() - 20]);
    check_gap(&cut, GapKind::Truncated);
    let mut long = whole.clone();
    // The length of the version, as large as 32 bits allow.
    long.splice(32..33, [0xff, 0xff, 0xff, 0xff, 0x0f]);
    check_gap(&elf(AMD64, &[(".go.buildinfo", &long)]), GapKind::Malformed);
    let huge = inline("go1.22.1", &vec![b'x'; 3 << 20]);
    check_gap(&elf(AMD64, &[(".go.buildinfo", &huge)]), GapKind::Limit);
    let astray = pointers(AMD64, u64::MAX - 4096, "go1.16.5", b"");
    check_gap(&elf(AMD64, &[(".go.buildinfo", &astray)]), GapKind::Limit);
}

#[test]
fn a_packed_program_is_a_gap() {
    check_gap(&elf(AMD64, &[(".x", b"\0\0\0\0UPX!\x0d")]), GapKind::Unsupported);
}

#[test]
fn the_linkers_symbol_names_the_version() {
    let modules = "path\texample.org/app\nmod\texample.org/app\t(devel)\t\n";
    let info = inline("go1.22.1", &marked(modules));
    let build = |address| {
        let mut symbols = vec![0; 24];
        // Name, type of a variable, section, address, size.
        symbols.extend([1, 0, 0, 0, 1, 0, 1, 0]);
        symbols.extend(AMD64.number(address, 8));
        symbols.extend(AMD64.number(5, 8));
        let strings = b"\0main.version.str\0";
        let sections: &[(&str, &[u8])] =
            &[(".go.buildinfo", &info), (".rodata", b"1.4.0"), (".strtab", strings), (".symtab", &symbols)];
        let mut bytes = elf(AMD64, sections);
        // Make the last section but the names a table of symbols, with the third's strings.
        let header = bytes.len() - 2 * 64;
        bytes[header + 4] = 2;
        bytes[header + 40] = 3;
        bytes
    };
    let at = memchr::memmem::find(&build(0), b"1.4.0").unwrap() as u64;
    let (programs, gaps) = detect(&Content::new(build(BASE + at)), &Limits::default());
    assert_eq!(gaps, []);
    let version = programs[0].version.clone().unwrap();
    assert_eq!((version.text.as_str(), version.source), ("v1.4.0", VersionSource::Symbol));
}

/// Retains `bytes` in parts, as those of a large file.
fn in_parts(bytes: &[u8], parts: &str) -> Content {
    let mut limits = Limits::default();
    limits.set("executable-bytes", 1000);
    limits.set("executable-parts-bytes", parts.parse().unwrap());
    let size = bytes.len() as u64;
    retain_executable(&mut &*bytes, size, &Needles::new(GoDetector.needles().iter().copied()), &limits)
        .unwrap()
}

#[test]
fn a_large_file_says_the_same_in_parts() {
    let filler: Vec<u8> = (0..4 << 20).map(|i: u32| i.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let rodata = [b"..go1.16.5..", &*marked(MODULES)].concat();
    for info in
        [inline("go1.22.1", &marked(MODULES)), pointers(AMD64, BASE + 128, "go1.16.5", &marked(MODULES))]
    {
        let bytes = elf(
            AMD64,
            &[(".go.buildinfo", &info), (".text", &filler), (".rodata", &rodata), (".late", &filler)],
        );
        let parts = in_parts(&bytes, "7600000");
        assert_eq!(parts.whole(), None);
        let whole = detect(&Content::new(bytes), &Limits::default());
        assert_eq!(whole.0.len(), 1);
        assert_eq!(detect(&parts, &Limits::default()), whole);
    }
}

proptest! {
    #[test]
    fn no_build_information_makes_the_reader_panic(
        old in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let info = if old {
            pointers(AMD64, BASE + 128, "go1.16.5", &marked(MODULES))
        } else {
            inline("go1.22.1", &marked(MODULES))
        };
        let mut bytes = elf(AMD64, &[(".go.buildinfo", &info)]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        detect(&Content::new(bytes), &Limits::default());
    }

    #[test]
    fn no_module_information_makes_the_reader_panic(text in "(path|mod|dep|=>|build|)[\t\"\\\\`=a-z\n]{0,80}") {
        module_info::parse(&text, 0, &Limits::default(), &mut Vec::new());
    }
}

#[test]
fn the_list_of_modules_counts_as_taken_out_of_the_file() {
    let info = inline("go1.22.1", &marked(MODULES));
    let content = Content::new(elf(AMD64, &[(".go.buildinfo", &info)]));
    let (path, limits) = (ImagePath::from("app"), Limits::default());
    let file =
        Captured { path: &path, size: content.size(), mode: 0o755, content: &content, limits: &limits };
    let mut out = Findings::default();
    GoDetector.detect(&file, &mut out).unwrap();
    assert_eq!((out.found.len(), out.taken), (1, MODULES.len() as u64));
}
