//! Executables made byte by byte, for tests: just enough of each format for its headers to be valid.

/// Bytes of a section with its name.
pub(crate) type Named<'a> = (&'a str, &'a [u8]);

/// Where ELF and XCOFF programs are loaded.
pub(crate) const BASE: u64 = 0x40_0000;

/// A class and byte order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// 64 bits wide, or 32.
    pub(crate) wide: bool,
    /// Highest byte first.
    pub(crate) big: bool,
}

/// The most usual one.
pub(crate) const AMD64: Shape = Shape { wide: true, big: false };

impl Shape {
    /// Bytes of a pointer.
    pub(crate) fn pointer(self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// `value` in `size` bytes.
    pub(crate) fn number(self, value: u64, size: usize) -> Vec<u8> {
        let bytes = value.to_le_bytes();
        let bytes = bytes[..size].iter().copied();
        if self.big { bytes.rev().collect() } else { bytes.collect() }
    }

    fn put(self, out: &mut Vec<u8>, fields: &[(u64, usize)]) {
        for &(value, size) in fields {
            out.extend(self.number(value, size));
        }
    }
}

fn pad(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

/// An ELF program: headers, the sections, each at a multiple of 16, the table of sections at the end. All of it is
/// loaded at [`BASE`].
pub(crate) fn elf(shape: Shape, sections: &[Named<'_>]) -> Vec<u8> {
    let word = shape.pointer();
    let (header, entry) = if shape.wide { (64, 56) } else { (52, 32) };
    let mut out = vec![0; header + entry];
    let mut strings = vec![0];
    let mut table: Vec<[u64; 3]> = Vec::new();
    for (name, bytes) in sections {
        pad(&mut out, 16);
        table.push([strings.len() as u64, out.len() as u64, bytes.len() as u64]);
        strings.extend(name.bytes().chain([0]));
        out.extend(*bytes);
    }
    table.push([strings.len() as u64, out.len() as u64, strings.len() as u64 + 10]);
    strings.extend(b".shstrtab\0");
    out.extend(&strings);
    pad(&mut out, 16);
    let table_at = out.len() as u64;
    out.extend(vec![0; if shape.wide { 64 } else { 40 }]);
    for (index, [name, offset, size]) in table.iter().enumerate() {
        let kind = if index + 1 == table.len() { 3 } else { 1 };
        shape.put(
            &mut out,
            &[(*name, 4), (kind, 4), (0, word), (BASE + offset, word), (*offset, word), (*size, word)],
        );
        shape.put(&mut out, &[(0, 4), (0, 4), (1, word), (0, word)]);
    }
    let mut head = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(shape.wide), 1 + u8::from(shape.big), 1];
    head.resize(16, 0);
    shape.put(
        &mut head,
        &[(2, 2), (62, 2), (1, 4), (BASE, word), (header as u64, word), (table_at, word), (0, 4)],
    );
    let section = if shape.wide { 64 } else { 40 };
    let count = table.len() as u64;
    shape.put(
        &mut head,
        &[(header as u64, 2), (entry as u64, 2), (1, 2), (section, 2), (count + 1, 2), (count, 2)],
    );
    let size = out.len() as u64;
    if shape.wide {
        shape.put(&mut head, &[(1, 4), (5, 4), (0, 8), (BASE, 8), (BASE, 8), (size, 8), (size, 8), (16, 8)]);
    } else {
        shape.put(&mut head, &[(1, 4), (0, 4), (BASE, 4), (BASE, 4), (size, 4), (size, 4), (5, 4), (16, 4)]);
    }
    out[..head.len()].copy_from_slice(&head);
    out
}

/// A 64-bit Mach-O program of one segment.
pub(crate) fn macho(cpu: u32, sections: &[Named<'_>]) -> Vec<u8> {
    let commands = 72 + 80 * sections.len() as u64;
    let mut body = vec![0; 32 + usize::try_from(commands).unwrap()];
    let mut table = Vec::new();
    for (name, bytes) in sections {
        pad(&mut body, 16);
        let mut name = name.as_bytes().to_vec();
        name.resize(16, 0);
        table.extend(name);
        table.extend(*b"__DATA\0\0\0\0\0\0\0\0\0\0");
        let offset = body.len() as u64;
        AMD64.put(
            &mut table,
            &[(BASE + offset, 8), (bytes.len() as u64, 8), (offset, 4), (4, 4), (0, 24 - 16)],
        );
        AMD64.put(&mut table, &[(0, 8), (0, 8)]);
        body.extend(*bytes);
    }
    let mut head = Vec::new();
    AMD64.put(&mut head, &[(0xfeed_facf, 4), (cpu.into(), 4), (0, 4), (2, 4), (1, 4), (commands, 4), (0, 8)]);
    AMD64.put(&mut head, &[(0x19, 4), (commands, 4)]);
    head.extend(*b"__DATA\0\0\0\0\0\0\0\0\0\0");
    let size = body.len() as u64;
    AMD64.put(
        &mut head,
        &[(BASE, 8), (size, 8), (0, 8), (size, 8), (7, 4), (3, 4), (sections.len() as u64, 4), (0, 4)],
    );
    head.extend(table);
    body[..head.len()].copy_from_slice(&head);
    body
}

/// Mach-O's number for x86-64.
pub(crate) const CPU_AMD64: u32 = 0x0100_0007;
/// Mach-O's number for 64-bit ARM.
pub(crate) const CPU_ARM64: u32 = 0x0100_000c;

/// A fat file of programs.
pub(crate) fn fat(programs: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let big = Shape { wide: false, big: true };
    let mut head = Vec::new();
    let mut body = vec![0; 4096];
    big.put(&mut head, &[(0xcafe_babe, 4), (programs.len() as u64, 4)]);
    for (cpu, bytes) in programs {
        pad(&mut body, 4096);
        big.put(
            &mut head,
            &[(u64::from(*cpu), 4), (0, 4), (body.len() as u64, 4), (bytes.len() as u64, 4), (12, 4)],
        );
        body.extend(bytes);
    }
    body[..head.len()].copy_from_slice(&head);
    body
}

/// A 64-bit Portable Executable.
pub(crate) fn pe(sections: &[Named<'_>]) -> Vec<u8> {
    let mut head = b"MZ".to_vec();
    head.resize(0x3c, 0);
    AMD64.put(&mut head, &[(0x40, 4)]);
    head.extend(b"PE\0\0");
    AMD64.put(
        &mut head,
        &[(0x8664, 2), (sections.len() as u64, 2), (0, 4), (0, 4), (0, 4), (112, 2), (0x22, 2)],
    );
    // The optional header: its magic, at 24 the base of the image, and no directories.
    let optional = head.len();
    AMD64.put(&mut head, &[(0x20b, 2)]);
    head.resize(optional + 24, 0);
    AMD64.put(&mut head, &[(BASE, 8)]);
    head.resize(optional + 112, 0);
    let mut body = vec![0; head.len() + 40 * sections.len()];
    for (name, bytes) in sections {
        pad(&mut body, 16);
        let mut name = name.as_bytes().to_vec();
        name.resize(8, 0);
        head.extend(name);
        let (offset, size) = (body.len() as u64, bytes.len() as u64);
        AMD64.put(
            &mut head,
            &[(size, 4), (offset, 4), (size, 4), (offset, 4), (0, 8), (0, 4), (0x4000_0040, 4)],
        );
        body.extend(*bytes);
    }
    body[..head.len()].copy_from_slice(&head);
    body
}

/// A 64-bit XCOFF program.
pub(crate) fn xcoff(sections: &[Named<'_>]) -> Vec<u8> {
    let big = Shape { wide: true, big: true };
    let mut head = Vec::new();
    big.put(&mut head, &[(0x1f7, 2), (sections.len() as u64, 2), (0, 4), (0, 8), (0, 2), (2, 2), (0, 4)]);
    let mut body = vec![0; head.len() + 72 * sections.len()];
    for (name, bytes) in sections {
        pad(&mut body, 16);
        let mut name = name.as_bytes().to_vec();
        name.resize(8, 0);
        head.extend(name);
        let (offset, size) = (body.len() as u64, bytes.len() as u64);
        big.put(&mut head, &[(BASE + offset, 8), (BASE + offset, 8), (size, 8), (offset, 8), (0, 8), (0, 8)]);
        big.put(&mut head, &[(0, 4), (0, 4), (0x40, 4), (0, 4)]);
        body.extend(*bytes);
    }
    body[..head.len()].copy_from_slice(&head);
    body
}

/// A number as WebAssembly and Go write it.
pub(crate) fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// `bytes` with their length before them.
pub(crate) fn counted(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len()), bytes.to_vec()].concat()
}

/// A WebAssembly module of one data section, whose content is `data`, and custom sections.
pub(crate) fn wasm(data: &[u8], sections: &[Named<'_>]) -> Vec<u8> {
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    out.push(11);
    out.extend(counted(data));
    for (name, bytes) in sections {
        out.push(0);
        out.extend(counted(&[counted(name.as_bytes()), bytes.to_vec()].concat()));
    }
    out
}

/// An archive of object files.
pub(crate) fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (index, member) in members.iter().enumerate() {
        let name = format!("{index}.o/");
        out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, member.len()).bytes());
        out.extend(member);
        pad(&mut out, 2);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        detect::executable::{Format, Program, programs},
        image_path::ImagePath,
        layer::{
            needles::{Needle, Needles},
            retain::{Content, retain_executable},
        },
        limits::Limits,
    };

    fn check(bytes: Vec<u8>, format: Format) {
        let content = Content::new(bytes);
        let programs = programs(&content);
        let [program] = programs.as_slice() else { panic!("{} programs", programs.len()) };
        assert_eq!(program.format, format);
        let section = program.section(&["abc"]).expect("no section");
        assert_eq!(program.view.window(section.range.start, 4), b"1234", "{format:?}");
        assert_eq!(section.range.end - section.range.start, 4);
        if matches!(format, Format::Elf | Format::MachO | Format::Xcoff | Format::Pe) {
            assert_eq!(program.at_address(BASE + section.range.start, 4), Some(&b"1234"[..]), "{format:?}");
        }
    }

    #[test]
    fn sections_are_found_in_every_format() {
        let sections: &[Named<'_>] = &[("other", b"xyz"), ("abc", b"1234")];
        for (wide, big) in [(true, true), (true, false), (false, true), (false, false)] {
            check(elf(Shape { wide, big }, sections), Format::Elf);
        }
        check(macho(CPU_ARM64, sections), Format::MachO);
        check(pe(sections), Format::Pe);
        check(xcoff(sections), Format::Xcoff);
        check(wasm(b"", sections), Format::Wasm);
        check(archive(&[b"odd".to_vec(), elf(AMD64, sections)]), Format::Archive);
    }

    #[test]
    fn a_fat_file_is_one_program_for_each_architecture() {
        let slice = |cpu| (cpu, macho(cpu, &[("abc", b"1234")]));
        let content = Content::new(fat(&[slice(CPU_AMD64), slice(CPU_ARM64), slice(CPU_ARM64)]));
        let found = programs(&content);
        let names: Vec<_> = found.iter().map(|program| program.architecture.as_deref()).collect();
        assert_eq!(names, [Some("amd64"), Some("arm64"), Some("arm64-2")]);
        assert!(found.iter().all(|program| program.section(&["abc"]).is_some()));
    }

    #[test]
    fn what_is_known_of_a_file_is_what_a_search_of_it_finds() {
        const PATTERN: &[u8] = b"aba-aba";
        const NOT_KEPT: u64 = (512 << 10) - 3;
        let accept = |at, _: &[u8]| at != NOT_KEPT;
        let needles =
            Needles::new([Needle { pattern: PATTERN, before: 0, after: 20, accept, is_optional: false }]);
        let mut bytes = elf(AMD64, &[("abc", b"1234aba-aba-aba-aba aba-ab")]);
        bytes.resize(1 << 20, b'.');
        for at in [300 << 10, (300 << 10) + 4, (512 << 10) - 3, (1 << 20) - 7] {
            bytes[at..at + 7].copy_from_slice(PATTERN);
        }
        let places = |content: &Content, range: Range<u64>| -> Vec<u64> {
            programs(content)[0].view.find(PATTERN, range).collect()
        };
        let searched = Content::new(bytes.clone());
        for whole in [true, false] {
            let mut limits = Limits::default();
            limits.set("executable-bytes", if whole { 1 << 20 } else { 1000 });
            limits.set("executable-parts-bytes", 600 << 10);
            let known = retain_executable(&mut &bytes[..], 1 << 20, &needles, &limits).unwrap();
            assert!(known.places(PATTERN).is_some());
            for (start, end) in [(0, 1 << 20), (300 << 10, 307_211), ((300 << 10) + 1, u64::MAX), (0, 0)] {
                let mut expected = places(&searched, start..end);
                expected.retain(|&at| whole || at != NOT_KEPT);
                assert_eq!(places(&known, start..end), expected, "{start}..{end}");
            }
        }
    }

    /// An ELF program of `size` bytes that needs `libraries`: their names lie at `names`, and that it needs them at `dynamic`.
    fn with_libraries(size: u64, names: u64, dynamic: u64, libraries: &[&str]) -> Vec<u8> {
        let numbers = |fields: &[(u64, usize)]| -> Vec<u8> {
            fields.iter().flat_map(|&(value, size)| AMD64.number(value, size)).collect()
        };
        let segment = |kind: u64, start: u64, size: u64| {
            let address = BASE + start;
            numbers(&[
                (kind, 4),
                (6, 4),
                (start, 8),
                (address, 8),
                (address, 8),
                (size, 8),
                (size, 8),
                (8, 8),
            ])
        };
        let (mut text, mut entries) = (vec![0], Vec::new());
        for library in libraries {
            entries.extend(numbers(&[(1, 8), (text.len() as u64, 8)]));
            text.extend(library.bytes().chain([0]));
        }
        entries.extend(numbers(&[(5, 8), (BASE + names, 8), (0, 8), (0, 8)]));
        let header = [
            (2, 2),
            (62, 2),
            (1, 4),
            (0, 8),
            (64, 8),
            (0, 8),
            (0, 4),
            (64, 2),
            (56, 2),
            (2, 2),
            (64, 2),
            (0, 4),
        ];
        let head = [
            &b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"[..],
            &numbers(&header),
            &segment(1, 0, size),
            &segment(2, dynamic, entries.len() as u64),
        ];
        let mut bytes = vec![b'.'; usize::try_from(size).unwrap()];
        for (at, content) in [(0, head.concat()), (names, text), (dynamic, entries)] {
            let at = usize::try_from(at).unwrap();
            bytes[at..at + content.len()].copy_from_slice(&content);
        }
        bytes
    }

    #[test]
    fn the_libraries_of_a_large_file_are_known_wherever_their_names_lie() {
        let needed = |libraries: &[&str], names: u64, dynamic: u64| {
            let size = 2 << 20;
            let bytes = with_libraries(size, names, dynamic, libraries);
            let whole = Content::new(bytes.clone());
            let expected: Vec<String> = libraries.iter().map(|&library| library.to_owned()).collect();
            assert_eq!(programs(&whole)[0].needed(), Some(expected));
            let mut limits = Limits::default();
            limits.set("executable-bytes", 1000);
            limits.set("executable-parts-bytes", 600 << 10);
            let needles = Needles::new(super::super::LIBRARIES);
            let parts = retain_executable(&mut &bytes[..], size, &needles, &limits).unwrap();
            assert_eq!(parts.whole(), None);
            programs(&parts)[0].needed()
        };
        let usual =
            ["libresolv.so.2", "libpthread.so.0", "libc.so", "ld-linux-x86-64.so.2", "libc.musl-x86_64.so.1"];
        let (early, middle, late) = (1000, 800 << 10, (2 << 20) - 1000);
        for (names, dynamic) in [
            (early, late),
            (middle, late),
            (late - 500, early),
            (middle, middle + 500),
            (middle + 500, middle),
        ] {
            assert_eq!(needed(&usual, names, dynamic).unwrap(), usual, "{names} {dynamic}");
        }
        // Around where one piece that is read ends and the next one begins.
        for before in 0..500 {
            assert_eq!(needed(&usual, (1 << 20) - before, early).unwrap(), usual, "{before}");
        }
        assert_eq!(needed(&[&"x".repeat(200)], middle, late), None, "what was not kept is not none");
    }

    #[test]
    fn a_java_class_is_no_fat_file() {
        let is = |head: &[u8]| {
            let path = ImagePath::root();
            super::super::is_executable(&crate::detect::FileMeta { path: &path, size: 99, mode: 0o644, head })
        };
        assert!(!is(b"\xca\xfe\xba\xbe\0\0\0\x34"));
        assert!(is(b"\xca\xfe\xba\xbe\0\0\0\x02"));
        assert!(is(b"\x7fELF"));
        assert!(!is(b"#!/bin/sh"));
        assert!(!is(b""));
    }

    #[test]
    fn names_that_are_garbage_are_empty() {
        let mut bytes = elf(AMD64, &[("abc", b"1234")]);
        // The offset of the first section's name, beyond all strings.
        let at = bytes.len() - 2 * 64;
        bytes[at..at + 4].copy_from_slice(&[0xff; 4]);
        let content = Content::new(bytes);
        let found = programs(&content);
        assert_eq!(&*found[0].sections[1].name, b"");
        assert_eq!(&*found[0].sections[2].name, b".shstrtab");
    }

    fn walk(program: &Program<'_>) {
        for section in &program.sections {
            program.view.window(section.range.start, u64::MAX);
            program.view.find(b"x", section.range.clone()).count();
        }
        program.needed();
        program.symbols(|_| true);
        program.producer("language", "Go");
        program.at_address(u64::MAX, u64::MAX);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(
            which in 0..8_usize,
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let sections: &[Named<'_>] = &[("other", b"xyz"), ("abc", b"1234"), ("producers", b"\x01\x02ab")];
            let mut bytes = match which {
                0 => elf(AMD64, sections),
                1 => elf(Shape { wide: false, big: true }, sections),
                2 => macho(CPU_ARM64, sections),
                3 => fat(&[(CPU_AMD64, macho(CPU_AMD64, sections)), (7, elf(AMD64, sections))]),
                4 => pe(sections),
                5 => xcoff(sections),
                6 => wasm(b"data", sections),
                _ => archive(&[elf(AMD64, sections), wasm(b"", sections)]),
            };
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            programs(&Content::new(bytes)).iter().for_each(walk);
        }
    }
}
