//! `ar` archives of object files, as Go's `-buildmode=c-archive` and Rust's static libraries are.
//!
//! Such an archive is one program: its members' sections are looked at together. A member is a header of 60
//! bytes, in which 10 decimal digits at 48 give its length, and content, filled up to an even length.

use super::{Format, MAX_SECTIONS, Program, Section, range};

/// Bytes of a member's header.
const HEADER: u64 = 60;

/// Adds the sections of the members.
pub(super) fn read(program: &mut Program<'_>) {
    let view = program.view;
    let mut offset = 8;
    while program.sections.len() < MAX_SECTIONS {
        let Some(size) = member_size(view.window(offset, HEADER)) else { return };
        let Some(content) = range(offset + HEADER, size) else { return };
        let member = view.part(content.clone());
        // An archive in an archive is no object file, and a way to nest without end.
        if Format::of(member.window(0, 8)).is_some_and(|format| format != Format::Archive)
            && let Some(object) = Program::read(member, None)
        {
            let moved = object.sections.into_iter().filter_map(|Section { name, range: within }| {
                let size = within.end.saturating_sub(within.start);
                Some(Section { name, range: range(content.start.checked_add(within.start)?, size)? })
            });
            program.sections.extend(moved);
        }
        let Some(next) = content.end.checked_next_multiple_of(2) else { return };
        offset = next;
    }
}

fn member_size(header: &[u8]) -> Option<u64> {
    let digits = header.get(48..58)?;
    if header.get(58..60)? != b"`\n" {
        return None;
    }
    std::str::from_utf8(digits).ok()?.trim_end().parse().ok()
}
