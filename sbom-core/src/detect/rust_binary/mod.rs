//! Rust programs and the crates they were built from.
//!
//! A program built with `cargo auditable` lists its crates in the section `.dep-v0`. Of any other the toolchain
//! is known by the mark it leaves, and those crates that can panic by the paths in their messages.

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, Want, executable};
use crate::{digest::Digest, layer::needles::Needle, limits::Limits};

mod audit;
mod paths;
mod proc_macro;
mod section;

pub use audit::{Audit, Crate, CrateSource};
pub use paths::{PathCrate, Toolchain, Whence};

/// Reads what Rust programs say of the crates in them.
#[derive(Debug, Clone, Copy)]
pub struct RustDetector;

impl Detector for RustDetector {
    fn id(&self) -> &'static str {
        "rust-binary"
    }

    fn wants(&self, file: &FileMeta<'_>) -> Want {
        if executable::is_executable(file) { Want::Executable } else { Want::Nothing }
    }

    fn could_want(&self, file: &FileMeta<'_>) -> bool {
        executable::could_be_executable(file)
    }

    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
        let mut digest = None;
        for program in executable::programs(file.content) {
            if let Some(mut found) = read(&program, file.limits, out) {
                found.sha256 = Some(digest.get_or_insert_with(|| file.content.sha256()).clone());
                out.found.push(Finding::Rust(found));
            }
        }
        Ok(())
    }

    fn needles(&self) -> &'static [Needle] {
        &NEEDLES
    }
}

/// What to keep of large files.
static NEEDLES: [Needle; 15] = {
    let [a, b, c, d] = section::NEEDLES;
    let [e, f, g, h, i, j, k, l, m] = paths::NEEDLES;
    let [n, o] = executable::LIBRARIES;
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o]
};

/// A program that is written in Rust, at least in part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RustProgram {
    /// The architecture, for a part of a fat file: `amd64`, `arm64`; else none.
    pub architecture: Option<String>,
    /// Digest of the file it lies in.
    pub sha256: Option<Digest>,
    /// The crates it was built from, as it states them.
    pub audit: Option<Audit>,
    /// What compiled it.
    pub toolchain: Toolchain,
    /// Where it states nothing: the crates that show in its messages, sorted.
    pub crates: Vec<PathCrate>,
    /// Git checkouts that show in its messages, as `REPOSITORY-HASH/COMMIT`, sorted.
    pub checkouts: Vec<String>,
    /// Libraries that it asks the dynamic linker for.
    pub needed: Vec<String>,
}

fn read(program: &executable::Program<'_>, limits: &Limits, out: &mut Findings) -> Option<RustProgram> {
    let gaps = &mut out.gaps;
    let audit = section::inflate(program, limits, gaps).and_then(|json| {
        out.taken = out.taken.saturating_add(json.len() as u64);
        audit::parse(&json, limits, gaps)
    });
    let toolchain = paths::toolchain(program);
    if audit.is_none() && toolchain == Toolchain::default() {
        return None;
    }
    let mut found =
        RustProgram { architecture: program.architecture.clone(), toolchain, ..RustProgram::default() };
    if audit.is_none() {
        (found.crates, found.checkouts) = paths::crates(program, limits, gaps);
    }
    found.audit = audit;
    match program.needed() {
        Some(needed) => found.needed = needed,
        None => gaps.push(executable::needed_not_kept()),
    }
    Some(found)
}

#[cfg(test)]
mod tests;
