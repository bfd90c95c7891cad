//! Programs of Go and Rust, made byte by byte: just enough of ELF for its headers to be valid.

use std::io::{self, Write as _};

/// A Go program with `modules` dependencies, `filler` bytes of code before its build information.
pub(crate) fn go(modules: usize, filler: usize) -> Vec<u8> {
    let dependencies: String = (0..modules)
        .map(|n| format!("dep\texample.org/team-{}/module-{n}\tv1.{n}.2\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", n / 7))
        .collect();
    let text = format!(
        "path\texample.org/app/cmd/app\nmod\texample.org/app\tv1.2.3\t\n{dependencies}build\t-buildmode=exe\nbuild\tCGO_ENABLED=0\n\
         build\tGOARCH=amd64\nbuild\tGOOS=linux\nbuild\tvcs=git\nbuild\tvcs.revision=0123456789abcdef0123456789abcdef01234567\n"
    );
    let marked = [&MODULES_BEGIN[..], text.as_bytes(), &MODULES_END[..]].concat();
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    for text in [&b"go1.24.1"[..], &marked] {
        info.extend(variable_length(text.len()));
        info.extend_from_slice(text);
    }
    elf(&[(".text", &code(filler)), (".go.buildinfo", &info), (".rodata", b"runtime.main")])
}

/// A Rust program whose list names `crates`, `filler` bytes of code before it.
pub(crate) fn rust_with_list(crates: usize, filler: usize) -> io::Result<Vec<u8>> {
    let packages: Vec<String> = (0..crates)
        .map(|n| {
            let root = if n == 0 { r#","root":true"# } else { "" };
            let needs = if n + 1 < crates { format!("[{}]", n + 1) } else { "[]".to_owned() };
            format!(r#"{{"name":"crate-{n}","version":"1.{n}.0","source":"crates.io","dependencies":{needs}{root}}}"#)
        })
        .collect();
    let list = format!(r#"{{"packages":[{}]}}"#, packages.join(","));
    let mut compressed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    compressed.write_all(list.as_bytes())?;
    Ok(elf(&[(".text", &code(filler)), (".dep-v0", &compressed.finish()?), (".comment", COMMENT)]))
}

/// A Rust program without a list, whose messages name files of `crates`.
pub(crate) fn rust_with_paths(crates: usize, filler: usize) -> Vec<u8> {
    let library = "/rustc/b940084d7eb6a299eb4bfeb8e34901bc051e7ac4/library/core/src/fmt/mod.rs".to_owned();
    let sources = (0..crates).map(|n| {
        format!("/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/crate-{n}-1.{n}.0/src/lib.rs")
    });
    let messages: String =
        std::iter::once(library).chain(sources).collect::<Vec<_>>().join("called `unwrap` on nothing");
    elf(&[(".text", &code(filler)), (".rodata", messages.as_bytes()), (".comment", COMMENT)])
}

const COMMENT: &[u8] = b"GCC: (Debian 12.2.0-14) 12.2.0\0rustc version 1.95.0 (b940084d7 2026-04-14)\0";

/// What `cmd/go` puts around the list of modules.
const MODULES_BEGIN: [u8; 16] =
    [0x30, 0x77, 0xaf, 0x0c, 0x92, 0x74, 0x08, 0x02, 0x41, 0xe1, 0xc1, 0x07, 0xe6, 0xd6, 0x18, 0xe6];
const MODULES_END: [u8; 16] =
    [0xf9, 0x32, 0x43, 0x31, 0x86, 0x18, 0x20, 0x72, 0x00, 0x82, 0x42, 0x10, 0x41, 0x16, 0xd8, 0xf2];

/// Bytes as various as machine code, the same every time.
pub(crate) fn code(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Half of the bytes are common ones, so that it compresses, and patterns begin often.
        let common = state & 0x0f0f_0f0f_0f0f_0f0f;
        bytes.extend(if state & (1 << 40) == 0 { common } else { state }.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// 64 bits, lowest byte first: the header, the sections, their names, their table.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = vec![0; 64];
    let mut names = vec![0];
    let mut table = vec![0; 64];
    for (name, bytes) in sections {
        out.resize(out.len().next_multiple_of(16), 0);
        describe(&mut table, 1, names.len(), out.len(), bytes.len());
        names.extend(name.bytes().chain([0]));
        out.extend_from_slice(bytes);
    }
    let names_at = (names.len(), out.len());
    names.extend_from_slice(b".shstrtab\0");
    describe(&mut table, 3, names_at.0, names_at.1, names.len());
    out.extend_from_slice(&names);
    out.resize(out.len().next_multiple_of(16), 0);
    let table_at = out.len() as u64;
    let count = sections.len() + 2;
    out.extend_from_slice(&table);
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(16, 0);
    numbers(
        &mut head,
        &[(2, 2), (62, 2), (1, 4), (0, 8), (0, 8), (table_at, 8), (0, 4), (64, 2), (0, 2), (0, 2), (64, 2)],
    );
    numbers(&mut head, &[(count as u64, 2), (count as u64 - 1, 2)]);
    out.splice(..head.len(), head);
    out
}

/// A row of the table of sections.
fn describe(table: &mut Vec<u8>, kind: u64, name: usize, offset: usize, size: usize) {
    numbers(
        table,
        &[(name as u64, 4), (kind, 4), (2, 8), (offset as u64, 8), (offset as u64, 8), (size as u64, 8)],
    );
    numbers(table, &[(0, 4), (0, 4), (1, 8), (0, 8)]);
}

/// Numbers, each in so many bytes.
fn numbers(out: &mut Vec<u8>, fields: &[(u64, usize)]) {
    for (number, bytes) in fields {
        out.extend(number.to_le_bytes().iter().take(*bytes));
    }
}

/// A length as Go writes it: seven bits a byte, the lowest first.
fn variable_length(mut length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            out.push(low & 0x7f);
            return out;
        }
        out.push(low | 0x80);
    }
}
