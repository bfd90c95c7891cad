//! Portable Executables, 32 and 64 bits wide.

use object::{
    LittleEndian as LE, pe,
    read::pe::{ImageNtHeaders, ImageOptionalHeader as _, optional_header_magic},
};

use super::{Program, Section, Segment, range, trimmed};

/// Adds sections and segments.
pub(super) fn read(program: &mut Program<'_>) {
    match optional_header_magic(program.view) {
        Ok(pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC) => read_class::<pe::ImageNtHeaders64>(program),
        _ => read_class::<pe::ImageNtHeaders32>(program),
    }
}

fn read_class<N: ImageNtHeaders>(program: &mut Program<'_>) {
    let view = program.view;
    let Ok(dos) = pe::ImageDosHeader::parse(view) else { return };
    let mut offset = dos.nt_headers_offset().into();
    let Ok((headers, _)) = N::parse(view, &mut offset) else { return };
    let base = headers.optional_header().image_base();
    let Ok(sections) = headers.sections(view, offset) else { return };
    for section in sections.iter() {
        let (start, size) = section.pe_file_range();
        let Some(range) = range(start.into(), size.into()) else { continue };
        let address = base.saturating_add(section.virtual_address.get(LE).into());
        program.segments.push(Segment { address, range: range.clone() });
        program.sections.push(Section { name: trimmed(&section.name), range });
    }
}
