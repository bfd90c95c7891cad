//! Go programs and the modules they were built from, as the build information in them states.

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, Want, executable};
use crate::{digest::Digest, layer::needles::Needle, limits::Limits};

mod build_info;
mod module_info;
mod version;

pub use version::{MainVersion, Release, VersionSource, release};

/// Reads the build information of Go programs.
#[derive(Debug, Clone, Copy)]
pub struct GoDetector;

impl Detector for GoDetector {
    fn id(&self) -> &'static str {
        "go-binary"
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
                out.found.push(Finding::Go(found));
            } else if is_packed(&program) {
                out.gaps.push(Gap::new(
                    GapKind::Unsupported,
                    "an executable packed with UPX: what it was built from is not read",
                ));
            }
        }
        Ok(())
    }

    fn needles(&self) -> &'static [Needle] {
        &NEEDLES
    }
}

/// What to keep of large files.
static NEEDLES: [Needle; 5] = {
    let [a, b, c] = build_info::NEEDLES;
    let [d, e] = executable::LIBRARIES;
    [a, b, c, d, e]
};

/// A Go program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GoProgram {
    /// The architecture, for a part of a fat file: `amd64`, `arm64`; else none.
    pub architecture: Option<String>,
    /// Digest of the file it lies in.
    pub sha256: Option<Digest>,
    /// The toolchain's version as it writes it, `go1.22.1`; empty if it was not found.
    pub go_version: String,
    /// The import path of the program's main package; empty if unknown.
    pub path: String,
    /// The module of the main package; none if it was built without modules.
    pub main: Option<Module>,
    /// The program's own version, and what says so.
    pub version: Option<MainVersion>,
    /// The modules that are linked into it, without the main module, in the order of the build information.
    pub modules: Vec<Module>,
    /// Settings of the build (`GOOS`, `-tags`, `vcs.revision`), in their order.
    pub settings: Vec<(String, String)>,
    /// Libraries that it asks the dynamic linker for.
    pub needed: Vec<String>,
}

impl GoProgram {
    /// The value of the build setting `key`.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// A Go module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Module {
    /// Its path, or, for a replacement that is a folder, that folder.
    pub path: String,
    /// Its version; empty or `(devel)` where there is none.
    pub version: String,
    /// Its hash as `go.sum` has it (`h1:…`): over a list of files, not of a file.
    pub sum: Option<String>,
    /// What was built in its place.
    pub replacement: Option<Box<Module>>,
}

fn read(program: &executable::Program<'_>, limits: &Limits, out: &mut Findings) -> Option<GoProgram> {
    let gaps = &mut out.gaps;
    let info = build_info::find(program, gaps)?;
    out.taken = out.taken.saturating_add(info.modules.len() as u64);
    let mut found = module_info::parse(&info.modules, info.offset, limits, gaps);
    found.architecture.clone_from(&program.architecture);
    found.go_version = info.go_version;
    found.version = version::of_main(&found, program, gaps);
    match program.needed() {
        Some(needed) => found.needed = needed,
        None => gaps.push(executable::needed_not_kept()),
    }
    Some(found)
}

/// UPX leaves its mark in the first page, with the headers of what it packed.
fn is_packed(program: &executable::Program<'_>) -> bool {
    program.view.find(b"UPX!", 0..4096).next().is_some()
}

#[cfg(test)]
mod tests;
