//! WebAssembly modules: their custom sections.
//!
//! A module is `\0asm`, a version, and sections: an identifier byte, a length, and content. A custom section
//! (identifier 0) begins with its name. Source: WebAssembly core specification, binary format.

use super::{MAX_NAME, MAX_SECTIONS, Program, Section, range};

/// Bytes of the list of producers that are read.
const MAX_PRODUCERS: u64 = 4096;

/// Adds custom sections. Memory is not mapped: a module lays its data out as it likes.
pub(super) fn read(program: &mut Program<'_>) {
    let view = program.view;
    let mut offset = 8;
    while program.sections.len() < MAX_SECTIONS {
        let [id, header @ ..] = view.window(offset, 6) else { return };
        let Some((size, used)) = leb128(header) else { return };
        let Some(section) = range(offset + 1 + used, size.into()) else { return };
        if *id == 0 {
            let head = view.window(section.start, MAX_NAME + 5);
            if let Some((length, used)) = leb128(head)
                && let Ok(skip) = usize::try_from(used)
                && let Some(name) = head.get(skip..).and_then(|rest| rest.get(..length as usize))
            {
                let start = section.start + used + u64::from(length);
                program
                    .sections
                    .push(Section { name: name.into(), range: start.min(section.end)..section.end });
            }
        }
        offset = section.end;
    }
}

/// See [`Program::producer`]. The section is a list of fields, each a name and a list of names and versions; all
/// lists and strings have their length before them. Source: WebAssembly tool conventions, `ProducersSection.md`.
pub(super) fn producer(program: &Program<'_>, field: &str, name: &str) -> Option<String> {
    let section = program.section(&["producers"])?;
    let size = section.range.end.saturating_sub(section.range.start);
    let mut rest = program.view.window(section.range.start, size.min(MAX_PRODUCERS));
    for _ in 0..number(&mut rest)? {
        let is_field = string(&mut rest)? == field.as_bytes();
        for _ in 0..number(&mut rest)? {
            let (found, version) = (string(&mut rest)?, string(&mut rest)?);
            if is_field && found == name.as_bytes() {
                return String::from_utf8(version.to_vec()).ok();
            }
        }
    }
    None
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (value, used) = leb128(rest)?;
    *rest = rest.get(usize::try_from(used).ok()?..)?;
    Some(value)
}

fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = number(rest)? as usize;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

/// An unsigned number of at most 32 bits, and how many bytes it takes.
pub(crate) fn leb128(bytes: &[u8]) -> Option<(u32, u64)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, index as u64 + 1));
        }
    }
    None
}
