//! XCOFF, the format of AIX, 32 and 64 bits wide.

use object::{
    read::xcoff::{FileHeader, SectionHeader as _},
    xcoff,
};

use super::{Program, Section, Segment, range, trimmed};

/// Adds sections and segments.
pub(super) fn read(program: &mut Program<'_>) {
    match program.view.window(1, 1) {
        [0xf7] => read_class::<xcoff::FileHeader64>(program),
        _ => read_class::<xcoff::FileHeader32>(program),
    }
}

fn read_class<H: FileHeader>(program: &mut Program<'_>) {
    let view = program.view;
    let mut offset = 0;
    let Ok(header) = H::parse(view, &mut offset) else { return };
    if header.aux_header(view, &mut offset).is_err() {
        return;
    }
    let Ok(sections) = header.sections(view, &mut offset) else { return };
    for section in sections.iter() {
        let Some(range) = section.file_range().and_then(|(start, size)| range(start, size)) else { continue };
        program.segments.push(Segment { address: section.s_vaddr().into(), range: range.clone() });
        program.sections.push(Section { name: trimmed(section.s_name()), range });
    }
}
