//! Executable formats, as far as Go and Rust share them: which files are executables, the programs of a fat
//! file, and the sections, segments and bytes of each.
//!
//! Nothing here fails: of a file whose headers are broken, or were not kept, there are fewer sections, and the
//! detectors look for their marks in the bytes instead.

use std::ops::Range;

use memchr::memmem::Finder;
use object::read::ReadRef;

use super::{FileMeta, Gap, GapKind};
use crate::layer::{needles::Needle, retain::Content};

mod archive;
mod elf;
mod macho;
mod pe;
#[cfg(test)]
pub(crate) mod testing;
mod wasm;
mod xcoff;

pub use elf::Symbol;
pub(crate) use wasm::leb128;

/// Sections looked at in one program; the largest known programs have a few hundred.
const MAX_SECTIONS: usize = 1 << 16;
/// Longest section name that is read.
const MAX_NAME: u64 = 64;
/// Programs looked at in one fat file; there are fewer architectures than that.
const MAX_SLICES: u32 = 20;

/// An executable format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ELF: Linux and most of the rest.
    Elf,
    /// Mach-O: macOS.
    MachO,
    /// Portable Executable: Windows.
    Pe,
    /// XCOFF: AIX.
    Xcoff,
    /// WebAssembly.
    Wasm,
    /// An `ar` archive of object files.
    Archive,
}

/// Whether a file is an executable, object file or library, by its first bytes alone: plugins and copied
/// programs often lack the executable bit.
pub fn is_executable(file: &FileMeta<'_>) -> bool {
    Format::of(file.head).is_some() || fat_count(file.head).is_some()
}

/// Ends of the names of libraries, object files and programs that need no executable bit.
const NAMES: [&[u8]; 17] = [
    b".so", b".a", b".o", b".ko", b".rlib", b".dylib", b".bundle", b".dll", b".exe", b".sys", b".efi",
    b".pyd", b".node", b".wasm", b".elf", b".lib", b".obj",
];
/// The shortest file that can be any of them.
const LEAST: u64 = 20;

/// Whether a file could be what [`is_executable`] looks for, if its first bytes are not known: by its mode or its name.
pub fn could_be_executable(file: &FileMeta<'_>) -> bool {
    let name = file.path.file_name();
    let versioned = || memchr::memmem::find(name, b".so.").is_some();
    let named = || NAMES.iter().any(|end| name.ends_with(end)) || versioned();
    file.size >= LEAST && (file.mode & 0o111 != 0 || named())
}

impl Format {
    /// The format that `head`, the first bytes of a file, shows.
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x7f, b'E', b'L', b'F', ..] => Some(Self::Elf),
            [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => Some(Self::MachO),
            [b'M', b'Z', ..] => Some(Self::Pe),
            [0x01, 0xdf | 0xf7, ..] => Some(Self::Xcoff),
            [0, b'a', b's', b'm', ..] => Some(Self::Wasm),
            [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Some(Self::Archive),
            _ => None,
        }
    }
}

/// The number of programs in a fat file. Java classes have the same magic; what follows is their version,
/// which is 45 at least.
fn fat_count(head: &[u8]) -> Option<u32> {
    let [0xca, 0xfe, 0xba, 0xbe | 0xbf, count @ ..] = head else { return None };
    let count = u32::from_be_bytes(*count.first_chunk()?);
    (1..=MAX_SLICES).contains(&count).then_some(count)
}

/// One program: a whole file, or a file's part for one architecture.
#[derive(Debug, Clone)]
pub struct Program<'c> {
    /// Its bytes.
    pub view: View<'c>,
    /// Its format.
    pub format: Format,
    /// The architecture, for a part of a fat file: `amd64`, `arm64`; else none.
    pub architecture: Option<String>,
    /// Its sections in the order of the file; empty if they cannot be read.
    pub sections: Vec<Section>,
    /// Where its segments are to be in memory.
    pub segments: Vec<Segment>,
}

/// A named part of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, at most 64 bytes; empty if it cannot be read.
    pub name: Box<[u8]>,
    /// Where it lies in the program's bytes.
    pub range: Range<u64>,
}

/// A part of a program that is loaded into memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Address in memory.
    pub address: u64,
    /// Where it lies in the program's bytes.
    pub range: Range<u64>,
}

/// What to keep of large files for the sake of [`Program::needed`]: the names of libraries, which lie where only the end of the
/// file says.
pub(super) const LIBRARIES: [Needle; 2] = [
    Needle {
        pattern: b".so.",
        before: LIBRARY,
        after: 32,
        accept: |_, bytes| is_numbered(bytes),
        is_optional: true,
    },
    Needle { pattern: b".so\0", before: LIBRARY, after: 4, accept: |_, _| true, is_optional: true },
];
/// Bytes of the longest name of a library, without its end, that is kept.
const LIBRARY: usize = 96;

/// Whether a number follows on the four bytes.
fn is_numbered(bytes: &[u8]) -> bool {
    bytes.get(4).is_some_and(u8::is_ascii_digit)
}

/// The gap of a program whose [`Program::needed`] is none.
pub(super) fn needed_not_kept() -> Gap {
    Gap::new(
        GapKind::Limit,
        "which libraries the program needs was not kept of so large a file; raise --limit executable-bytes",
    )
}

/// The programs of a file: one, or one for each architecture.
pub fn programs(content: &Content) -> Vec<Program<'_>> {
    let view = View { content, start: 0, size: content.size() };
    let head = view.window(0, 8);
    if fat_count(head).is_some() {
        return macho::slices(view);
    }
    Program::read(view, None).into_iter().collect()
}

impl<'c> Program<'c> {
    fn read(view: View<'c>, architecture: Option<String>) -> Option<Self> {
        let format = Format::of(view.window(0, 8))?;
        let mut program = Self { view, format, architecture, sections: Vec::new(), segments: Vec::new() };
        match format {
            Format::Elf => elf::read(&mut program),
            Format::MachO => macho::read(&mut program),
            Format::Pe => pe::read(&mut program),
            Format::Xcoff => xcoff::read(&mut program),
            Format::Wasm => wasm::read(&mut program),
            Format::Archive => archive::read(&mut program),
        }
        program.sections.truncate(MAX_SECTIONS);
        Some(program)
    }

    /// The first section called one of `names`.
    pub fn section(&self, names: &[&str]) -> Option<&Section> {
        self.sections.iter().find(|section| names.iter().any(|name| *section.name == *name.as_bytes()))
    }

    /// Where what is to be at `address` in memory lies in the program's bytes.
    fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let offset = segment.range.start.checked_add(address.checked_sub(segment.address)?)?;
            (offset < segment.range.end).then_some(offset)
        })
    }

    /// `length` bytes from `address` in memory, if they come from the file and were kept.
    pub fn at_address(&self, address: u64, length: u64) -> Option<&'c [u8]> {
        self.view.read_bytes_at(self.offset_of(address)?, length).ok()
    }

    /// The version that a WebAssembly module states of `name`, a language or tool that had a part in it.
    pub fn producer(&self, field: &str, name: &str) -> Option<String> {
        if self.format == Format::Wasm { wasm::producer(self, field, name) } else { None }
    }

    /// The named libraries that an ELF program asks the dynamic linker for, in its order. None if it says that it
    /// needs some, but which ones was not kept.
    pub fn needed(&self) -> Option<Vec<String>> {
        if self.format == Format::Elf { elf::needed(self) } else { Some(Vec::new()) }
    }

    /// The data symbols of an ELF program whose name passes `wanted`. None if there are symbols, but they were
    /// not kept.
    pub fn symbols(&self, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<Symbol>> {
        if self.format == Format::Elf { elf::symbols(self, wanted) } else { Some(Vec::new()) }
    }
}

/// The kept bytes of one program.
#[derive(Debug, Clone, Copy)]
pub struct View<'c> {
    content: &'c Content,
    /// Where the program begins in the file.
    start: u64,
    size: u64,
}

impl<'c> View<'c> {
    /// The part of this view that `range` names, as far as there is one.
    fn part(self, range: Range<u64>) -> Self {
        let start = range.start.min(self.size);
        let size = range.end.min(self.size).saturating_sub(start);
        Self { content: self.content, start: self.start + start, size }
    }

    /// Length in bytes.
    pub fn size(self) -> u64 {
        self.size
    }

    /// Where `offset` of this program lies in the file.
    pub fn in_file(self, offset: u64) -> u64 {
        self.start.saturating_add(offset)
    }

    /// What was kept from `offset` on, at most `longest` bytes.
    pub fn window(self, offset: u64, longest: u64) -> &'c [u8] {
        if offset >= self.size {
            return &[];
        }
        self.content.run_at(self.start + offset, longest.min(self.size - offset))
    }

    /// Where `pattern` occurs within `range` in what was kept, in order. Nothing is searched if that is known already.
    pub fn find(self, pattern: &[u8], range: Range<u64>) -> impl Iterator<Item = u64> {
        let part = self.part(range);
        let known = self.content.places(pattern);
        let searched = known.is_none().then(|| part.search(pattern));
        let known = known.map(|places| part.kept(places, pattern.len() as u64));
        let found = known.into_iter().flatten().chain(searched.into_iter().flatten());
        found.map(move |offset| offset - self.start)
    }

    /// Those of `places` in the file from which on `length` bytes were kept of this view.
    fn kept(self, places: &'c [u64], length: u64) -> impl Iterator<Item = u64> {
        let end = self.start + self.size;
        let first = places.partition_point(|&offset| offset < self.start);
        let places = places.get(first..).unwrap_or_default().iter().copied();
        places
            .take_while(move |offset| offset.saturating_add(length) <= end)
            .filter(move |&offset| self.content.read_at(offset, length).is_some())
    }

    /// Where in the file `pattern` occurs in what was kept of this view, in order.
    fn search(self, pattern: &[u8]) -> impl Iterator<Item = u64> {
        let finder = Finder::new(pattern).into_owned();
        let (start, end) = (self.start, self.start + self.size);
        self.content.parts().flat_map(move |(at, bytes)| {
            let from = usize::try_from(start.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            let to = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            let clipped = bytes.get(from..to).unwrap_or_default();
            let base = at + from as u64;
            let mut next = 0;
            let finder = finder.clone();
            std::iter::from_fn(move || {
                let hit = next + finder.find(clipped.get(next..)?)?;
                next = hit + 1;
                Some(base + hit as u64)
            })
        })
    }
}

impl<'c> ReadRef<'c> for View<'c> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'c [u8], ()> {
        if offset.checked_add(size).ok_or(())? > self.size {
            return Err(());
        }
        self.content.read_bytes_at(self.start + offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'c [u8], ()> {
        let bytes = self.window(range.start, range.end.saturating_sub(range.start));
        bytes.get(..memchr::memchr(delimiter, bytes).ok_or(())?).ok_or(())
    }
}

/// A range of `size` bytes from `start`, if there is one.
fn range(start: u64, size: u64) -> Option<Range<u64>> {
    Some(start..start.checked_add(size)?)
}

/// A fixed-length name without the zeros that fill it up.
fn trimmed(name: &[u8]) -> Box<[u8]> {
    name.split(|&b| b == 0).next().unwrap_or_default().into()
}
