//! Mach-O of either width and byte order, and the fat files that hold one program for each architecture.

use object::{
    Endianness, macho,
    read::{
        ReadRef,
        macho::{FatArch, MachHeader, Section as _, Segment as _},
    },
};

use super::{MAX_SECTIONS, Program, Section, Segment, View, fat_count, range, trimmed};

/// The programs of a fat file; parts that lie outside of the file or are no program are left out.
pub(super) fn slices(view: View<'_>) -> Vec<Program<'_>> {
    match view.window(3, 1) {
        [0xbf] => slices_of::<macho::FatArch64>(view),
        _ => slices_of::<macho::FatArch32>(view),
    }
}

fn slices_of<F: FatArch>(view: View<'_>) -> Vec<Program<'_>> {
    let count = fat_count(view.window(0, 8)).unwrap_or_default();
    let header = size_of::<macho::FatHeader>() as u64;
    let Ok(entries) = view.read_slice_at::<F>(header, count as usize) else { return Vec::new() };
    let mut programs: Vec<Program<'_>> = Vec::new();
    for entry in entries {
        let (start, size) = entry.file_range();
        let Some(range) = range(start, size) else { continue };
        let name = architecture(entry.cputype());
        let alike = programs.iter().filter(|program| program.is_for(&name)).count();
        let name = if alike == 0 { name } else { format!("{name}-{}", alike + 1) };
        programs.extend(Program::read(view.part(range), Some(name)));
    }
    programs
}

impl Program<'_> {
    fn is_for(&self, name: &str) -> bool {
        self.architecture.as_deref().is_some_and(|known| known.split('-').next() == Some(name))
    }
}

/// Architectures as Go calls them.
fn architecture(cpu: macho::CpuType) -> String {
    match cpu {
        macho::CPU_TYPE_X86_64 => "amd64".to_owned(),
        macho::CPU_TYPE_ARM64 => "arm64".to_owned(),
        macho::CPU_TYPE_X86 => "386".to_owned(),
        macho::CPU_TYPE_ARM => "arm".to_owned(),
        macho::CPU_TYPE_POWERPC => "ppc".to_owned(),
        macho::CPU_TYPE_POWERPC64 => "ppc64".to_owned(),
        other => format!("cpu{}", other.0),
    }
}

/// Adds sections and segments.
pub(super) fn read(program: &mut Program<'_>) {
    match program.view.window(0, 4) {
        [0xfe, 0xed, 0xfa, 0xcf] | [0xcf, 0xfa, 0xed, 0xfe] => {
            read_class::<macho::MachHeader64<Endianness>>(program);
        }
        _ => read_class::<macho::MachHeader32<Endianness>>(program),
    }
}

fn read_class<M: MachHeader<Endian = Endianness>>(program: &mut Program<'_>) {
    let Ok(header) = M::parse(program.view, 0) else { return };
    let Ok(endian) = header.endian() else { return };
    let Ok(mut commands) = header.load_commands(endian, program.view, 0) else { return };
    while let Ok(Some(command)) = commands.next() {
        let Ok(Some((segment, data))) = M::Segment::from_command(command) else { continue };
        let (offset, size) = segment.file_range(endian);
        if let Some(range) = range(offset, size) {
            program.segments.push(Segment { address: segment.vmaddr(endian).into(), range });
        }
        for section in segment.sections(endian, data).unwrap_or_default() {
            let start = u64::from(section.offset(endian));
            if let Some(range) = range(start, section.size(endian).into()) {
                program.sections.push(Section { name: trimmed(section.sectname()), range });
            }
        }
        if program.sections.len() + program.segments.len() > MAX_SECTIONS {
            return;
        }
    }
}
