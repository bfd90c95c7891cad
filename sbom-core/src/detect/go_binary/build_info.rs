//! Finds the build information in a program.
//!
//! Since Go 1.13 a program holds `\xff Go buildinf:` (14 bytes), then a byte for the size of a pointer and one
//! of flags. With flag 2 (since 1.18) two strings follow at 32, the toolchain's version and the module
//! information, each a length as varint and its bytes. Without it two pointers follow at 16, to a string header
//! (pointer and length) each; flag 1 says that they are big-endian. The module information stands between two
//! marks of 16 bytes. Sources: Go `debug/buildinfo`, `cmd/link/internal/ld/data.go`, `cmd/go/internal/modload`.

use crate::{
    detect::{
        Gap, GapKind,
        executable::{Format, Program, leb128},
    },
    layer::needles::Needle,
};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const MODULES_BEGIN: &[u8; 16] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const MODULES_END: &[u8; 16] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
const HEADER: u64 = 32;
/// Longest module information that is read; 400 modules take 35 KiB.
const MAX_MODULES: u64 = 2 << 20;
/// Places looked at that begin like build information; programs that look for it themselves have a few.
const MAX_HEADERS: usize = 1024;
/// Longest version of a toolchain.
const MAX_VERSION: u64 = 256;

/// What to keep of large files. In programs that Go 1.13 to 1.17 built, version and modules lie far from the
/// header: hence the other two. The variables that point to them follow on the header, after what has no pointers.
pub(super) const NEEDLES: [Needle; 3] = [
    Needle {
        pattern: MAGIC,
        before: 0,
        after: KEPT,
        accept: |_, bytes| Header::read(bytes).is_some(),
        is_optional: false,
    },
    Needle {
        pattern: MODULES_BEGIN,
        before: 16,
        after: KEPT,
        accept: |_, bytes| begins_modules(bytes),
        is_optional: false,
    },
    Needle {
        pattern: b"go1.",
        before: 0,
        after: 64,
        accept: |_, bytes| is_version(bytes),
        is_optional: false,
    },
];
const KEPT: usize = (2 << 20) + 4096;

/// The build information of a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BuildInfo {
    /// The toolchain's version; empty if it was not found.
    pub(super) go_version: String,
    /// The module information; empty in programs built without modules.
    pub(super) modules: String,
    /// Where in the file the module information, or else the header, begins.
    pub(super) offset: u64,
}

/// Finds it: in the section made for it, else wherever it is.
pub(super) fn find(program: &Program<'_>, gaps: &mut Vec<Gap>) -> Option<BuildInfo> {
    let view = program.view;
    if let Some(section) = program.section(&[".go.buildinfo", "__go_buildinfo"])
        && let Some(offset) = view.find(MAGIC, section.range.clone()).next()
    {
        return match read(program, offset) {
            Ok(info) => Some(info),
            Err(unread) => {
                gaps.push(unread.gap(view.in_file(offset)));
                None
            }
        };
    }
    let mut first = None;
    for (tried, offset) in view.find(MAGIC, 0..view.size()).enumerate() {
        if tried == MAX_HEADERS {
            let gap = Gap::new(GapKind::Limit, "a file that looks like a Go program in too many places");
            first.get_or_insert(gap);
            break;
        }
        match read(program, offset) {
            Ok(info) => return Some(info),
            Err(Unread::NotOne) => {}
            Err(unread) => {
                first.get_or_insert_with(|| unread.gap(view.in_file(offset)));
            }
        }
    }
    if let Some(info) = without_header(program) {
        return Some(info);
    }
    gaps.extend(first);
    None
}

/// Why what looks like build information is none, or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// The mark stands there for another reason, as in a program that looks for it.
    NotOne,
    /// The length of a string makes no sense.
    Malformed,
    /// The file ends before the information does.
    Truncated,
    /// More than [`MAX_MODULES`].
    TooLong,
    /// It lies in a part of the file that was not kept.
    NotKept,
}

impl Unread {
    fn gap(self, offset: u64) -> Gap {
        let (kind, message) = match self {
            Self::NotOne | Self::Malformed => {
                (GapKind::Malformed, "the build information of a Go program does not follow its format")
            }
            Self::Truncated => {
                (GapKind::Truncated, "the file ends within the build information of a Go program")
            }
            Self::TooLong => (GapKind::Limit, "the module information of a Go program is longer than 2 MiB"),
            Self::NotKept => (
                GapKind::Limit,
                "the build information of a Go program lies in a part of the file that was not kept; \
                 raise --limit executable-bytes",
            ),
        };
        Gap::new(kind, message).at(usize::try_from(offset).unwrap_or(usize::MAX))
    }
}

/// The two bytes after the magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Inline,
    Pointers { size: u64, big_endian: bool },
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.get(MAGIC.len()..MAGIC.len() + 2)? {
            // The size of a pointer is of no use here and may be zero.
            [0 | 4 | 8, 2 | 3] => Some(Self::Inline),
            [size @ (4 | 8), flags @ (0 | 1)] => {
                Some(Self::Pointers { size: u64::from(*size), big_endian: *flags == 1 })
            }
            _ => None,
        }
    }
}

fn read(program: &Program<'_>, offset: u64) -> Result<BuildInfo, Unread> {
    let header = program.view.window(offset, HEADER);
    // Linkers align it; only WebAssembly and archives lay their bytes out otherwise than memory.
    let aligned = offset.is_multiple_of(16) || matches!(program.format, Format::Wasm | Format::Archive);
    match Header::read(header).filter(|_| aligned).ok_or(Unread::NotOne)? {
        Header::Inline => inline(program, offset),
        Header::Pointers { size, big_endian } => pointers(program, offset, size, big_endian),
    }
}

fn inline(program: &Program<'_>, offset: u64) -> Result<BuildInfo, Unread> {
    let mut at = offset + HEADER;
    if program.format == Format::Wasm {
        at = after_zeros(program, offset).unwrap_or(at);
    }
    let version = varint_string(program, &mut at, MAX_VERSION)?;
    let go_version = String::from_utf8_lossy(version).into_owned();
    if go_version.is_empty() {
        return Err(Unread::NotOne);
    }
    let begin = at;
    let modules = varint_string(program, &mut at, MAX_MODULES)?;
    Ok(BuildInfo { go_version, modules: unmarked(modules), offset: program.view.in_file(begin) })
}

/// The linker leaves runs of zeros out of a WebAssembly module, as the 16 in the header: what follows them is the
/// next data segment, which begins with `00 41`, its address, `0b` and its length.
fn after_zeros(program: &Program<'_>, offset: u64) -> Option<u64> {
    let start = offset + 16;
    let bytes = program.view.window(start, 16);
    let [0, 0x41, rest @ ..] = bytes else { return None };
    let (_, used) = leb128(rest)?;
    let rest = rest.get(usize::try_from(used).ok()?..)?;
    let [0x0b, length @ ..] = rest else { return None };
    let (_, used_by_length) = leb128(length)?;
    Some(start + 3 + used + used_by_length)
}

fn varint_string<'c>(program: &Program<'c>, at: &mut u64, longest: u64) -> Result<&'c [u8], Unread> {
    let view = program.view;
    let head = view.window(*at, 5);
    let Some((length, used)) = leb128(head) else {
        return Err(if head.len() < 5 { missing(program, *at, 5) } else { Unread::Malformed });
    };
    let (start, length) = (at.saturating_add(used), u64::from(length));
    if length > longest {
        return Err(if start.saturating_add(length) > view.size() {
            Unread::Malformed
        } else {
            Unread::TooLong
        });
    }
    let bytes = view.window(start, length);
    if bytes.len() as u64 != length {
        return Err(missing(program, start, length));
    }
    *at = start + length;
    Ok(bytes)
}

fn missing(program: &Program<'_>, start: u64, length: u64) -> Unread {
    if start.saturating_add(length) > program.view.size() { Unread::Truncated } else { Unread::NotKept }
}

fn pointers(program: &Program<'_>, offset: u64, size: u64, big_endian: bool) -> Result<BuildInfo, Unread> {
    let number = |bytes: &[u8]| {
        bytes.iter().enumerate().fold(0_u64, |value, (index, byte)| {
            let place = if big_endian { bytes.len() - 1 - index } else { index };
            value | u64::from(*byte) << (8 * place)
        })
    };
    let string = |at: u64, longest: u64| -> Result<Option<(u64, &[u8])>, Unread> {
        let pointer = program.view.window(offset + at, size);
        if pointer.len() as u64 != size {
            return Err(missing(program, offset + at, size));
        }
        let address = number(pointer);
        if address == 0 {
            return Ok(None);
        }
        let Some(header) = program.at_address(address, 2 * size) else { return Ok(None) };
        let (data, length) = header.split_at_checked(usize::try_from(size).unwrap_or(8)).unwrap_or_default();
        let (data, length) = (number(data), number(length));
        if length > longest {
            return Err(Unread::Malformed);
        }
        Ok(program.at_address(data, length).map(|bytes| (data, bytes)))
    };
    let version = string(16, MAX_VERSION)?;
    let modules = string(16 + size, MAX_MODULES)?;
    let go_version =
        version.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let offset = program.view.in_file(offset);
    match (go_version.is_empty(), modules) {
        (false, modules) => {
            let modules = modules.map(|(_, bytes)| unmarked(bytes)).unwrap_or_default();
            Ok(BuildInfo { go_version, modules, offset })
        }
        (true, Some((_, modules))) => Ok(BuildInfo { go_version, modules: unmarked(modules), offset }),
        (true, None) => Err(if program.segments.is_empty() { Unread::Malformed } else { Unread::NotKept }),
    }
}

/// Module information without its marks; empty if it does not have them.
fn unmarked(bytes: &[u8]) -> String {
    let inner = bytes
        .split_at_checked(16)
        .and_then(|(_, rest)| rest.split_at_checked(rest.len().checked_sub(16)?))
        .map(|(inner, _)| inner);
    match inner {
        Some(inner) if inner.ends_with(b"\n") => String::from_utf8_lossy(inner).into_owned(),
        _ => String::new(),
    }
}

/// Module information without a header, found by its marks: in WebAssembly, where the linker writes none, and in
/// programs of Go 1.12. The version is that of the `producers` section.
fn without_header(program: &Program<'_>) -> Option<BuildInfo> {
    let view = program.view;
    // Both marks are looked for side by side: to look for an end after each beginning could take the square.
    let mut ends = view.find(MODULES_END, 0..view.size()).peekable();
    view.find(MODULES_BEGIN, 0..view.size()).find_map(|offset| {
        while ends.next_if(|end| *end < offset).is_some() {}
        let length = ends.peek()? - offset + MODULES_END.len() as u64;
        let bytes = view.window(offset, MAX_MODULES);
        if !begins_modules(bytes) {
            return None;
        }
        let modules = unmarked(bytes.get(..usize::try_from(length).ok()?)?);
        let go_version = program.producer("language", "Go").unwrap_or_default();
        Some(BuildInfo { go_version, modules, offset: view.in_file(offset) })
    })
}

fn begins_modules(bytes: &[u8]) -> bool {
    let inner = bytes.get(MODULES_BEGIN.len()..).unwrap_or_default();
    [&b"path\t"[..], b"mod\t", b"dep\t", b"build\t"].iter().any(|key| inner.starts_with(key))
}

/// Whether `bytes`, which begin with `go1.`, are the version of a toolchain as far as can be seen.
fn is_version(bytes: &[u8]) -> bool {
    bytes.get(4).is_some_and(u8::is_ascii_digit)
}
