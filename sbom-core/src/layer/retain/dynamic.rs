//! Where an ELF file says, at its beginning, that its dynamic section lies: what a large program needs stands there.

use std::ops::Range;

use object::{
    Endianness,
    elf::{FileHeader32, FileHeader64, PT_DYNAMIC},
    read::elf::{FileHeader, ProgramHeader as _},
};

/// Bytes of a dynamic section that are kept; real ones have less than a kilobyte.
const LONGEST: u64 = 1 << 20;

/// Where the dynamic section lies of the ELF file that begins with `head`, as far as that names it.
pub(super) fn dynamic_section(head: &[u8]) -> Option<Range<u64>> {
    match head.get(4)? {
        2 => named::<FileHeader64<Endianness>>(head),
        _ => named::<FileHeader32<Endianness>>(head),
    }
}

fn named<E: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<Range<u64>> {
    let header = E::parse(head).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, head).ok()?;
    let dynamic = segments.iter().find(|segment| segment.p_type(endian) == PT_DYNAMIC)?;
    let (start, size) = dynamic.file_range(endian);
    Some(start..start.checked_add(size.min(LONGEST))?)
}
