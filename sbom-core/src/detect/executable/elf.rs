//! ELF: sections, segments, needed libraries and data symbols, of either class and byte order.

use std::ops::Range;

use object::{
    Endianness, elf,
    read::{
        ReadRef,
        elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _, Sym as _},
    },
};

use super::{MAX_NAME, MAX_SECTIONS, Program, Section, Segment, View, range};

/// Entries of a dynamic section that are looked at.
const MAX_DYNAMIC: usize = 1 << 16;

/// A data symbol: what a variable is called, and its initial content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name, at most 1 KiB.
    pub name: Vec<u8>,
    /// Address in memory.
    pub address: u64,
    /// Length in bytes.
    pub size: u64,
}

/// Calls `$call` with the header type of the program's class.
macro_rules! by_class {
    ($program:expr, $call:ident($($argument:expr),*)) => {
        match $program.view.window(4, 1) {
            [2] => $call::<elf::FileHeader64<Endianness>>($($argument),*),
            _ => $call::<elf::FileHeader32<Endianness>>($($argument),*),
        }
    };
}

/// Adds sections and segments.
pub(super) fn read(program: &mut Program<'_>) {
    by_class!(program, read_class(program));
}

/// See [`Program::needed`].
pub(super) fn needed(program: &Program<'_>) -> Option<Vec<String>> {
    by_class!(program, needed_class(program))
}

/// See [`Program::symbols`].
pub(super) fn symbols(program: &Program<'_>, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<Symbol>> {
    by_class!(program, symbols_class(program, wanted))
}

fn read_class<E: FileHeader<Endian = Endianness>>(program: &mut Program<'_>) {
    let view = program.view;
    let Ok(header) = E::parse(view) else { return };
    let Ok(endian) = header.endian() else { return };
    for segment in header.program_headers(endian, view).unwrap_or_default().iter().take(MAX_SECTIONS) {
        if segment.p_type(endian) == elf::PT_LOAD {
            let (offset, size) = segment.file_range(endian);
            if let Some(range) = range(offset, size) {
                program.segments.push(Segment { address: segment.p_vaddr(endian).into(), range });
            }
        }
    }
    let names = string_table(header, endian, view);
    for section in header.section_headers(endian, view).unwrap_or_default().iter().take(MAX_SECTIONS) {
        let Some(range) = section.file_range(endian).and_then(|(start, size)| range(start, size)) else {
            continue;
        };
        let name = names.clone().map(|names| string(view, &names, section.sh_name(endian).into(), MAX_NAME));
        program.sections.push(Section { name: name.unwrap_or_default().into(), range });
    }
}

/// Where the names of the sections lie.
fn string_table<E: FileHeader<Endian = Endianness>>(
    header: &E,
    endian: Endianness,
    view: View<'_>,
) -> Option<Range<u64>> {
    let index = header.shstrndx(endian, view).ok()?;
    let sections = header.section_headers(endian, view).ok()?;
    let (start, size) = sections.get(usize::try_from(index).ok()?)?.file_range(endian)?;
    range(start, size)
}

/// The zero-terminated text at `offset` of a string table; nothing if it is longer than `longest`, so that a file
/// of many names that share one long end costs no more than one of short names.
fn string<'c>(view: View<'c>, table: &Range<u64>, offset: u64, longest: u64) -> &'c [u8] {
    let Some(start) = table.start.checked_add(offset) else { return &[] };
    let end = table.end.min(start.saturating_add(longest + 1));
    view.read_bytes_at_until(start..end, 0).unwrap_or_default()
}

fn needed_class<E: FileHeader<Endian = Endianness>>(program: &Program<'_>) -> Option<Vec<String>> {
    let view = program.view;
    let none = Some(Vec::new());
    let Ok(header) = E::parse(view) else { return none };
    let Ok(endian) = header.endian() else { return none };
    let segments = header.program_headers(endian, view).unwrap_or_default();
    let dynamic = segments.iter().find(|segment| segment.p_type(endian) == elf::PT_DYNAMIC);
    let Some(dynamic) = dynamic else { return none };
    let (offset, size) = dynamic.file_range(endian);
    let entry = size_of::<E::Dyn>();
    let count = usize::try_from(size).ok()? / entry;
    let entries = view.read_slice_at::<E::Dyn>(offset, count.min(MAX_DYNAMIC)).ok()?;
    let entries = || entries.iter().take_while(|entry| entry.tag(endian) != elf::DT_NULL);
    let names = entries().find(|entry| entry.tag(endian) == elf::DT_STRTAB).map(|entry| entry.val(endian));
    let mut libraries = Vec::new();
    for library in entries().filter(|entry| entry.tag(endian) == elf::DT_NEEDED) {
        let address = names?.checked_add(library.val(endian))?;
        let offset = program.offset_of(address)?;
        let name = view.read_bytes_at_until(offset..offset.saturating_add(256), 0).ok()?;
        libraries.push(String::from_utf8_lossy(name).into_owned());
    }
    Some(libraries)
}

fn symbols_class<E: FileHeader<Endian = Endianness>>(
    program: &Program<'_>,
    wanted: impl Fn(&[u8]) -> bool,
) -> Option<Vec<Symbol>> {
    let view = program.view;
    let none = Some(Vec::new());
    let Ok(header) = E::parse(view) else { return none };
    let Ok(endian) = header.endian() else { return none };
    let sections = header.section_headers(endian, view).unwrap_or_default();
    let Some(table) = sections.iter().find(|section| section.sh_type(endian) == elf::SHT_SYMTAB) else {
        return none;
    };
    let strings = sections.get(usize::try_from(table.sh_link(endian)).ok()?)?;
    let (start, size) = strings.file_range(endian)?;
    let strings = range(start, size)?;
    // A program's strings that were not kept are not the same as a program without symbols.
    view.read_bytes_at(strings.start, strings.end.min(view.size()).checked_sub(strings.start)?).ok()?;
    let symbols = table.data_as_array::<E::Sym, _>(endian, view).ok()?;
    let mut found = Vec::new();
    for symbol in symbols.iter().filter(|symbol| symbol.st_type() == elf::STT_OBJECT) {
        let name = string(view, &strings, symbol.st_name(endian).into(), 1024);
        if wanted(name) {
            let (address, size) = (symbol.st_value(endian).into(), symbol.st_size(endian).into());
            found.push(Symbol { name: name.to_vec(), address, size });
        }
    }
    Some(found)
}
