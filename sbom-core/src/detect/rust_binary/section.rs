//! Finds and inflates the section `.dep-v0`: zlib-compressed JSON.
//!
//! Source: cargo-auditable, PARSING.md. Where the section lies is known from the section table, which of a large
//! file comes last; so when one streams by, what begins like the section's content is kept.

use std::io::{ErrorKind, Read as _};

use sbom_inflate::ZlibReader;

use crate::{
    detect::{
        Gap, GapKind,
        executable::{Program, Section},
    },
    layer::needles::Needle,
    limits::{Limits, ReadError, read_capped},
};

const NAMES: &[&str] = &[".dep-v0"];
/// Compressed bytes kept; a section of 600 crates takes 10 KiB.
const KEPT: usize = 256 << 10;

/// The headers of a zlib stream with a window of 32 KiB, by level of compression.
pub(super) const NEEDLES: [Needle; 4] =
    [zlib(b"\x78\x01"), zlib(b"\x78\x5e"), zlib(b"\x78\x9c"), zlib(b"\x78\xda")];

const fn zlib(pattern: &'static [u8]) -> Needle {
    Needle { pattern, before: 0, after: KEPT, accept: |_, bytes| begins_list(bytes), is_optional: false }
}

/// The JSON of the section; none, without a gap, if there is no such section.
pub(super) fn inflate(program: &Program<'_>, limits: &Limits, gaps: &mut Vec<Gap>) -> Option<Vec<u8>> {
    let view = program.view;
    if let Some(section) = program.section(NAMES) {
        return at(program, section, limits, gaps);
    }
    // Only where there is no section table to tell; else every program would be searched for nothing.
    if program.sections.iter().any(|section| !section.name.is_empty()) {
        return None;
    }
    let start = NEEDLES.iter().flat_map(|needle| view.find(needle.pattern, 0..view.size()));
    let start = start.filter(|&hit| begins_list(view.window(hit, Needle::LOOKAHEAD as u64))).min()?;
    at(program, &Section { name: Box::default(), range: start..view.size() }, limits, gaps)
}

fn at(program: &Program<'_>, section: &Section, limits: &Limits, gaps: &mut Vec<Gap>) -> Option<Vec<u8>> {
    let size = section.range.end.saturating_sub(section.range.start);
    let bytes = program.view.window(section.range.start, size);
    let gap = match stream(bytes, limits) {
        Ok(json) => return Some(json),
        Err(Broken::Limit(limit)) => Gap::new(GapKind::Limit, limit.to_string()),
        Err(Broken::Ends) if section.range.end > program.view.size() => {
            Gap::new(GapKind::Truncated, "the file ends within the section .dep-v0 of a Rust program")
        }
        Err(Broken::Ends) if (bytes.len() as u64) < size => Gap::new(
            GapKind::Limit,
            "the section .dep-v0 of a Rust program lies in a part of the file that was not kept; \
             raise --limit executable-bytes",
        ),
        Err(Broken::Ends) => {
            Gap::new(GapKind::Truncated, "the section .dep-v0 of a Rust program ends too early")
        }
        Err(Broken::Zlib) => {
            Gap::new(GapKind::Malformed, "the section .dep-v0 of a Rust program is not zlib")
        }
    };
    let offset = program.view.in_file(section.range.start);
    gaps.push(gap.at(usize::try_from(offset).unwrap_or(usize::MAX)));
    None
}

/// Why a stream cannot be inflated.
enum Broken {
    Zlib,
    Ends,
    Limit(crate::limits::LimitExceeded),
}

fn stream(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Broken> {
    read_capped(ZlibReader::new(bytes), limits.inflated_bytes).map_err(|error| match error {
        ReadError::Limit(limit) => Broken::Limit(limit),
        ReadError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => Broken::Ends,
        ReadError::Io(_) => Broken::Zlib,
    })
}

/// Whether a zlib stream, of which the beginning is seen, inflates to a list of crates.
///
/// Inflating is dear, and the two bytes before are frequent in any code: first the header of the deflate block
/// must be one that makes sense.
fn begins_list(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 2] = [br#"{"packages""#, br#"{"format""#];
    if !bytes.get(2..).is_some_and(begins_block) {
        return false;
    }
    let mut out = [0; 11];
    let (mut reader, mut count) = (ZlibReader::new(bytes), 0);
    loop {
        match reader.read(out.get_mut(count..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(_) => return false,
        }
    }
    let text = out.get(..count).unwrap_or_default();
    // Of a stream with long tables little is inflated from so few bytes.
    !text.is_empty() && BEGINNINGS.iter().any(|begin| text.starts_with(begin) || begin.starts_with(text))
}

/// Whether `bytes` can be the first block of a deflate stream that begins with `{"`. Source: RFC 1951, section 3.2.
fn begins_block(bytes: &[u8]) -> bool {
    let Some(&bytes) = bytes.first_chunk::<10>() else { return false };
    let bits = u128::from(u64::from_le_bytes([
        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
    ])) | u128::from(bytes[8]) << 64
        | u128::from(bytes[9]) << 72;
    let field = |from: u32, count: u32| (bits >> from) & ((1 << count) - 1);
    match field(1, 2) {
        // Stored: a length, its complement, and the bytes themselves.
        0 => {
            field(8, 16) ^ field(24, 16) == 0xffff && field(40, 16) == u128::from(u16::from_le_bytes(*b"{\""))
        }
        // Fixed codes: a literal below 144 is eight bits, 48 more than itself, highest bit first.
        1 => [(3, b'{'), (11, b'"')].iter().all(|&(at, literal)| {
            u8::try_from(field(at, 8)).is_ok_and(|code| code.reverse_bits() == literal + 0x30)
        }),
        // Codes of its own: the lengths of the codes for code lengths must fill the space of codes exactly.
        2 => {
            let filled: u128 = (0..field(13, 4) + 4)
                .filter_map(|index| u32::try_from(17 + 3 * index).ok())
                .filter(|at| at + 3 <= 80)
                .map(|at| field(at, 3))
                .filter(|&length| length > 0)
                .map(|length| 128 >> length)
                .sum();
            filled == 128 && field(3, 5) <= 29 && field(8, 5) <= 29
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn compressed(text: &str, level: u32) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_list_is_known_by_its_beginning_at_any_level() {
        let package = |n: usize| {
            format!(
                r#"{{"name":"crate-{n}","version":"{n}.2.{n}","source":"crates.io","dependencies":[{n}]}}"#
            )
        };
        let packages: Vec<String> = (0..300).map(package).collect();
        for list in [&packages[..0], &packages[..1], &packages[..]] {
            for text in [
                format!(r#"{{"packages":[{}]}}"#, list.join(",")),
                format!(r#"{{"format":1,"packages":[{}]}}"#, list.join(",")),
            ] {
                for level in 0..=9 {
                    let bytes = compressed(&text, level);
                    let seen = &bytes[..bytes.len().min(Needle::LOOKAHEAD)];
                    assert!(begins_list(seen), "level {level}, {} crates", list.len());
                    assert!(NEEDLES.iter().any(|needle| bytes.starts_with(needle.pattern)));
                }
            }
        }
    }

    #[test]
    fn other_streams_are_passed_over() {
        for text in ["", r#"{"packaged""#, "hello, hello, hello", r#"[{"packages""#] {
            for level in 0..=9 {
                let bytes = compressed(text, level);
                assert!(!begins_list(&bytes), "{text} at level {level}");
            }
        }
        assert!(!begins_list(b"\x78\x9c"));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let mut limits = Limits::default();
        limits.set("inflated-bytes", 1 << 20);
        let bomb = compressed(&" ".repeat(64 << 20), 9);
        assert!(matches!(stream(&bomb, &limits), Err(Broken::Limit(_))));
        let short = compressed(&" ".repeat(1 << 20), 9);
        assert_eq!(stream(&short, &limits).ok().map(|json| json.len()), Some(1 << 20));
        assert!(matches!(stream(&short[..short.len() / 2], &limits), Err(Broken::Ends)));
    }
}
